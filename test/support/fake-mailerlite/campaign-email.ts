import type { FakeAccount } from './account.ts';
import type { StoredCampaign } from './campaigns.ts';
import { rate } from './reply.ts';
import { languageOf } from './reference.ts';

export interface StoredEmail {
  readonly id: string;
  subject: string;
  fromName: string;
  from: string;
  replyTo: string;
  content: string;
  screenshot: boolean;
  readonly created_at: string;
  updated_at: string;
}

/** The e-mail of a campaign from a request; content that is left out of a change keeps the old one. */
export function storeContent(
  account: FakeAccount,
  campaignId: string,
  body: Readonly<Record<string, unknown>>,
  before?: StoredEmail,
): StoredEmail {
  const now = account.now();
  const from = String(body['from']);
  const sender = account.senders.includes(from) ? from : account.senders[0]!;
  const content = body['content'] as string | undefined;
  return {
    id: before?.id ?? String(BigInt(campaignId) + 1n),
    subject: String(body['subject']),
    fromName: String(body['from_name']),
    from: sender,
    replyTo: typeof body['reply_to'] === 'string' ? body['reply_to'] : sender,
    content: content === undefined ? (before?.content ?? '') : rewritten(content),
    screenshot: before?.screenshot ?? false,
    created_at: before?.created_at ?? now,
    updated_at: now,
  };
}

/** What MailerLite makes of a page: its own head inside the body, marks and a style. */
function rewritten(html: string): string {
  return [
    '<!DOCTYPE html>',
    '<html>',
    '  <head>',
    '    <!--{$head_bottom}-->',
    '    <title></title>',
    '  </head>',
    '  <body class="" style="">',
    '    <!--{$body_top}-->',
    '    <head>',
    '      <!--{$head_top}-->',
    '      <style type="text/css">#outlook a{padding:0}</style>',
    '    </head>',
    ...html.split('\n').map((line) => `    ${line.trim()}`),
    '    <!--{$body_bottom}-->',
    '  </body>',
    '</html>',
  ].join('\n');
}

/** The numbers of a campaign that nobody has opened yet. */
export function statistics(sent: number): Record<string, unknown> {
  const none = rate(0, 0);
  return {
    sent,
    opens_count: 0,
    unique_opens_count: 0,
    open_rate: none,
    clicks_count: 0,
    unique_clicks_count: 0,
    click_rate: none,
    unsubscribes_count: 0,
    unsubscribe_rate: none,
    spam_count: 0,
    spam_rate: none,
    hard_bounces_count: 0,
    hard_bounce_rate: none,
    soft_bounces_count: 0,
    soft_bounce_rate: none,
    forwards_count: 0,
    forward_rate: none,
    social_interactions_count: 0,
    social_interaction_rate: none,
    click_to_open_rate: none,
  };
}

/** The e-mail as a call shows it: content, click map and language stand in some answers only. */
export function presentEmail(
  account: FakeAccount,
  campaign: StoredCampaign,
  options: { content?: boolean; clicks?: boolean; language?: boolean },
): Record<string, unknown> {
  const { email } = campaign;
  return {
    id: email.id,
    account_id: account.accountId,
    emailable_id: campaign.id,
    emailable_type: 'campaigns',
    type: 'builder_html',
    from: email.from,
    from_name: email.fromName,
    reply_to: email.replyTo,
    name: null,
    subject: email.subject,
    ...(options.content === true ? { content: email.content } : {}),
    plain_text:
      'Hello,\n\nYou have received a newsletter from {$account}.\n\n' +
      "However, your email software can't display HTML emails. You can view the newsletter by clicking here:\n\n" +
      '{$url}\n\n{$unsubscribe}',
    screenshot_url: email.screenshot
      ? `https://storage.googleapis.com/mailerlite-screenshots-prod/screenshot/emails/${email.id}/1284x736.png`
      : null,
    preview_url: `https://preview.mailerlite.io/preview/${account.accountId}/emails/${email.id}`,
    created_at: email.created_at,
    updated_at: email.updated_at,
    ...(options.clicks === true ? { click_map: clickMap(campaign) } : {}),
    is_designed: email.content !== '',
    language_id: Number(campaign.language),
    ...(options.language === true ? { language: languageOf(campaign.language) } : {}),
    is_winner: false,
    stats: statistics(campaign.recipients.length),
    send_after: null,
    track_opens: true,
    uses_survey: false,
    uses_quiz: false,
    preheader: null,
  };
}

/** Clicks by the position of the link; a list as long as it is empty. */
function clickMap(campaign: StoredCampaign): unknown {
  if (campaign.status !== 'sent') return [];
  const link = (offset: bigint) => ({
    id: String(BigInt(campaign.email.id) + offset),
    count: 0,
    percentage: 0,
  });
  return { '2': link(2n), '4': link(4n) };
}
