// What is open now: by stage and by owner.

const SHOWN_OWNERS = 15;
const OPEN = [
  ...['open_deals', 'open_amount', 'without_amount', 'with_odds', 'with_reasons', 'expected_amount'],
  ...['this_month_amount', 'next_month_amount'],
];
const OPEN_COLUMNS = [
  column('open_deals', 'Open deals', 'count'),
  column('open_amount', `Open amount, ${about.currency}`, 'money'),
  column('without_amount', 'Without an amount', 'count'),
  column('with_reasons', 'With something to do', 'count'),
  column('with_odds', 'With known odds', 'count'),
  column('expected_amount', 'Expected of them, ever', 'money'),
];

/** Bars of open amount, or of deals where no amount is known; each opens its deals. */
function openBars(title, rows, name, test) {
  const amounts = rows.some((row) => row.open_amount);
  return bars(
    title,
    rows.map((row) => ({
      row,
      name: name(row),
      value: (amounts ? row.open_amount : row.open_deals) ?? 0,
      text: `${amounts ? `${row.open_amount === null ? 'not known' : short(row.open_amount)} · ` : ''}${counted(row.open_deals, 'deal')}`,
      tip:
        `${counted(row.open_deals, 'deal')}, ${told(row.open_amount, 'money')}; expected ever: ` +
        `${told(row.expected_amount, 'money')}; something to do: ${whole.format(row.with_reasons)}`,
    })),
    {
      title: amounts ? `open amount, ${about.currency}` : 'open deals',
      kind: amounts ? 'money' : 'count',
      room: isNarrow() ? 1.9 : 1.5,
      limit: 230,
      open: ({ row, name: title }) => openDeals(title, (deal) => test(row, deal), row.open_deals),
    },
  );
}

function openPipeline() {
  const rows = tables.open_now.filter((row) => inPlace(row) && ofOwner(row));
  if (!rows.length) return [make('p', { class: 'note' }, 'No deals are open here.')];
  const [sum] = grouped(
    rows.map((row) => ({ ...row, all: 1 })),
    ['all'],
    OPEN,
  );
  const places = grouped(rows, ['source', 'pipeline'], []);
  const single = places.length === 1;
  const canonicalOf = (row) => stageOf.get(keyOf(row.source, row.pipeline, row.stage))?.canonical_stage ?? row.stage;
  const orderOf = (row) => stageOf.get(keyOf(row.source, row.pipeline, row.stage))?.stage_order ?? 1e6;
  const ofStages = grouped(rows, ['source', 'pipeline', 'stage'], OPEN)
    .map((row) => ({ ...row, canonical: canonicalOf(row), order: orderOf(row) }))
    .sort((a, b) => keyOrder(a, b, ['source', 'pipeline']) || a.order - b.order);
  const canonicalOrder = (name) => CANONICAL.indexOf(name);
  const ofCanonical = grouped(ofStages, ['canonical'], OPEN).sort(
    (a, b) => canonicalOrder(a.canonical) - canonicalOrder(b.canonical),
  );
  const ofOwners = grouped(rows, ['source', 'owner_key'], OPEN)
    .map((row) => ({ ...row, owner: ownerName(row) }))
    .sort((a, b) => (b.open_amount ?? 0) - (a.open_amount ?? 0) || b.open_deals - a.open_deals);
  const shownOwners = ofOwners.slice(0, SHOWN_OWNERS);
  ownerLabels(shownOwners).forEach((name, place) => (shownOwners[place].bar = name));
  const sameOwner = (row, deal) =>
    deal.source === row.source &&
    (row.owner_key === OTHERS ? !ownerOf.has(deal.owner_key) && deal.owner_key !== null : deal.owner_key === row.owner_key);
  const opensStage = (row) =>
    openDeals(`${stageName(row)}, ${row.source}: ${row.pipeline}`, samePlaceAndStage(row), row.open_deals);
  const opensOwner = (row) => openDeals(row.owner, (deal) => sameOwner(row, deal), row.open_deals);
  return [
    make(
      'p',
      { class: 'said' },
      counted(sum.open_deals, 'open deal') +
        (sum.open_amount === null
          ? '; what they are worth is not known'
          : `, worth ${withUnit(sum.open_amount, 'money')}` +
            (sum.without_amount ? ` (of ${whole.format(sum.without_amount)} no amount is known)` : '')) +
        `; ${sum.with_odds ? `expected of them ${told(sum.expected_amount, 'money')}` : 'what to expect of them is not known yet'}.`,
    ),
    notes('As of this run, whatever the period. A bar opens its deals; so do the names in the tables.'),
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, 'By stage'),
        single
          ? openBars('Open deals by stage', ofStages, stageName, (row, deal) => samePlaceAndStage(row)(deal))
          : openBars(
              'Open deals by canonical stage',
              ofCanonical,
              (row) => label(row.canonical),
              (row, deal) => canonicalOf(deal) === row.canonical,
            ),
        single ? null : notes('Stages of several pipelines are shown by their canonical ones; the table has your own names.'),
        table(
          'open-stages',
          'Open deals by stage',
          [
            ...PLACE,
            column('stage', 'Stage', 'text', { open: opensStage }),
            column('canonical', 'Canonical stage', 'text'),
            ...OPEN_COLUMNS,
          ],
          ofStages,
        ),
      ),
      make(
        'div',
        {},
        make('h3', {}, 'By owner'),
        openBars(
          'Open deals by owner, most first',
          shownOwners,
          (row) => row.bar,
          sameOwner,
        ),
        table(
          'open-owners',
          'Open deals by owner',
          [column('owner', 'Owner', 'text', { open: opensOwner }), SOURCE, ...OPEN_COLUMNS],
          ofOwners,
        ),
      ),
    ),
  ];
}

/** In the order of canonical stages, whatever the pipelines shown have of them. */
const CANONICAL = ['prospecting', 'contact', 'qualifying', 'demo', 'proposal', 'closing', 'post_sale', 'won', 'lost'];

function samePlaceAndStage(row) {
  return (deal) => deal.source === row.source && deal.pipeline === row.pipeline && deal.stage === row.stage;
}

const PIPELINE_SECTION = {
  id: 'open-pipeline',
  title: 'Open pipeline',
  body: openPipeline,
  lead: 'What is open now, where it stands and whose it is.',
  definitions: () => [
    definition(
      terms(
        'mart_deal_outlook',
        ['stage', 'Stage'],
        ['amount_reporting', 'Amount'],
        ['p_won', 'Odds of being won'],
        ['our_weight', 'Our weight in the odds'],
        ['crm_probability', 'CRM’s own odds'],
      ),
      'mart_deal_outlook',
    ),
  ],
};
