/** Who the audit log names for what is done on the command line. */
export const CLI_ACTOR = 'cli';
