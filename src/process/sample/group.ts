/** The settings of the sample group. */
export const SAMPLE_SETTINGS = {
  groupName: 'Sample OT network',
  organisationName: 'Sample Occupational Health Ltd',
  postalAddress: '1 Example Street\nLeeds\nLS1 1AA',
  contactEmail: 'network@example.org',
} as const;

const FIRST_NAMES = (
  'Aisha Ben Carys Dev Eilidh Farah Gareth Hana Isla Jamal Kirsty Liam Maeve Nadia Owen Priya Quinn Rosa Seren Tomasz ' +
  'Una Viktor Wren Yusuf Zoe Alun Bronwen Callum Dina Ewan Fiona Grace Huw Imran Jess Kofi Leila Moira Niall Orla'
).split(' ');

/** Made-up people; their addresses are in a domain that gets no mail (RFC 2606 section 3). */
export const SAMPLE_NAMES = [...FIRST_NAMES.slice(0, 20), 'Moved-away', ...FIRST_NAMES.slice(20)].map(
  (name) => `${name} Sample`,
);
