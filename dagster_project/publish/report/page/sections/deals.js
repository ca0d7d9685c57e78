// The deals behind a bar: a list of its own, over the page.

const LISTED_DEALS = 200;

/** A deal's page in the CRM, where the configuration has the pattern of it. */
function dealAddress(row) {
  const pattern = about.deal_urls[row.source];
  return pattern ? pattern.replace('{id}', encodeURIComponent(row.deal_key.slice(row.source.length + 1))) : null;
}

/** A deal's own page, which the worst ones have: its whole life, down to the row that each value was read from. */
function dealPage(row) {
  return about.deal_pages[row.deal_key] ?? null;
}

/** How a deal's name leads on: to its page here, with the CRM beside it; else to the CRM. */
const DEAL_LINKS = { link: dealPage, outside: dealAddress };
const DEAL_NAME = column('name', 'Deal', 'text', DEAL_LINKS);
const DEAL_COLUMNS = [
  DEAL_NAME,
  column('owner', 'Owner', 'text'),
  column('stage', 'Stage', 'text'),
  column('amount', `Amount, ${about.currency}`, 'money'),
  column('p_won', 'Odds of being won', 'rate', { n: 'compared_deals' }),
  column('reasons', 'What to look at', 'text'),
  column('expected_close_on', 'Expected close', 'day'),
  column('days_in_stage', 'Days in stage', 'count'),
  ...PLACE,
  column('compared_deals', 'Odds are of deals like it', 'count'),
  column('deal_key', 'Record', 'text'),
];

function dealRow(row) {
  return { ...row, name: row.deal_name ?? row.deal_key, owner: ownerName(row) };
}

/** Opens the list of deals that a test leaves of those shown, the worst first; of `total` the page may carry fewer. */
function openDeals(title, test, total = null) {
  const found = tables.deals.filter((row) => inPlace(row) && ofOwner(row) && test(row)).sort((a, b) => a.place - b.place);
  const all = Math.max(total ?? 0, found.length);
  const rows = found.slice(0, LISTED_DEALS).map(dealRow);
  openList(
    title,
    `${rows.length === all ? counted(all, 'open deal') : `${whole.format(rows.length)} of ${counted(all, 'open deal')}`}, ` +
      'the worst first: those with something to do about them, by what can still go either way of their amount. ' +
      (rows.length === all ? '' : 'All are in mart_deal_outlook.'),
    DEAL_COLUMNS,
    rows,
  );
}

/** A list over the page; Escape closes it. */
function openList(title, note, columns, rows) {
  const dialog = document.getElementById('deals');
  dialog.replaceChildren(
    make(
      'header',
      {},
      make('h2', { id: 'title-deals', dir: 'auto' }, title),
      make('button', { type: 'button', onclick: () => dialog.close() }, 'Close'),
    ),
    make('p', { class: 'note' }, note),
    table('listed', title, columns, rows, true),
  );
  dialog.showModal();
}
