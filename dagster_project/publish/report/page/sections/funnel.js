// How much of what was created came how far.

const FUNNEL = ['created', 'reached', 'dropped', 'ended'];

/** Cohorts of the period added up; shares divided again from the sums. */
function funnelRows(rows, keys) {
  const before = new Map();
  return grouped(rows, [...keys, 'step', 'step_order'], FUNNEL)
    .sort((a, b) => keyOrder(a, b, keys) || a.step_order - b.step_order)
    .map((row) => {
      const of = keyOf(...keys.map((key) => row[key]));
      const previous = before.get(of);
      before.set(of, row.reached);
      return {
        ...row,
        before: previous ?? null,
        conversion: previous === undefined ? null : ratio(row.reached, previous),
        drop_off_rate: ratio(row.dropped, row.ended),
      };
    });
}

function keyOrder(a, b, keys) {
  for (const key of keys) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
  return 0;
}

function funnelBars(label, rows, name = (row) => row.step) {
  return bars(
    label,
    rows.map((row) => ({
      name: name(row),
      value: row.reached,
      tip:
        `${whole.format(row.reached)} of ${whole.format(row.created)}` + (row.own ? `; your stages: ${row.own}` : ''),
      text:
        whole.format(row.reached) +
        (row.drop_off_rate === null
          ? ''
          : row.ended < FEW
            ? ` · ${whole.format(row.dropped)} of ${whole.format(row.ended)} lost here`
            : ` · ${shown(row.drop_off_rate, 'rate')}${isNarrow() ? ' lost' : ` of ${whole.format(row.ended)} lost here`}`),
    })),
    { title: 'reached', room: isNarrow() ? 2.3 : 1.7 },
  );
}

/** Deals that no bar counts, or the shares lost would pass for all losses. */
function unknownStage(rows) {
  const missing = rows.length ? rows[0].created - rows[0].reached : 0;
  return missing > 0
    ? `${whole.format(missing)} of ${whole.format(rows[0].created)} deals are in no bar and in no “lost here”: ` +
        'no stage is known of them but that they were lost.'
    : '';
}

/** An owner's deals by the furthest stage they came to, as rows of the funnel's steps. */
function ownersFunnel() {
  const steps = grouped(
    tables.funnel.filter((row) => row.entity === 'deals'),
    ['step', 'step_order'],
    [],
  ).sort((a, b) => a.step_order - b.step_order);
  const rows = chosen('owner_funnel').filter(ofOwner);
  const sum = (column, test) => sumOf(rows.filter(test).map((row) => row[column])) ?? 0;
  const listed = steps.map(({ step, step_order: order }) => ({
    step,
    step_order: order,
    created: sum('deals', () => true),
    reached: sum('deals', (row) => row.furthest !== null && row.furthest >= order),
    dropped: sum('lost', (row) => row.furthest === order),
  }));
  return rows.length
    ? listed.map((row, place) =>
        place === listed.length - 1
          ? { ...row, dropped: null, ended: null }
          : { ...row, ended: row.dropped + listed[place + 1].reached },
      )
    : [];
}

function funnel() {
  const deals = choice.owner ? ownersFunnel() : chosen('funnel').filter((row) => row.entity === 'deals');
  const leads = tables.funnel.filter(
    (row) => row.entity === 'leads' && inPeriod(row) && (!choice.source || row.source === choice.source),
  );
  const ofDeals = funnelRows(deals, []).map((row) => ({ ...row, own: ownStages(row.step).join(', ') || null }));
  const single = tables.pipelines.filter(inPlace).length === 1;
  const dealStep = (row) => {
    const own = single && row.own && row.own.toLowerCase() !== row.step ? ` · ${row.own}` : '';
    return label(row.step) + own;
  };
  const leadSource = mainPipeline(leads, 'created');
  const ofLeads = leadSource
    ? funnelRows(
        leads.filter((row) => row.source === leadSource.source),
        [],
      )
    : [];
  const severalSources = new Set(leads.map((row) => row.source)).size > 1;
  const columns = [
    column('step', 'Step', 'text'),
    column('created', 'Created', 'count'),
    column('reached', 'Reached', 'count'),
  ];
  const ends = [
    column('dropped', 'Lost here', 'count'),
    column('ended', 'No longer here', 'count'),
    column('drop_off_rate', 'Drop-off', 'rate', { n: 'ended' }),
  ];
  return [
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, 'Deals'),
        notes(unknownStage(ofDeals)),
        ofDeals.length ? funnelBars('Deals of the period by the furthest stage they came to', ofDeals, dealStep) : nothing(),
        table(
          'funnel-deals',
          'Funnel of deals created in the period',
          [
            ...columns,
            column('own', 'Your stages', 'text'),
            column('conversion', 'Of the step before', 'rate', { n: 'before' }),
            ...ends,
          ],
          ofDeals,
        ),
      ),
      make(
        'div',
        {},
        make('h3', {}, leadSource && severalSources ? `Leads of ${leadSource.source}` : 'Leads'),
        notes(
          notByOwner(),
          choice.pipeline ? 'Leads belong to no pipeline: these are all of the source.' : '',
          severalSources
            ? 'Each source has lead statuses of its own: the chart shows the source with most leads, the table has all.'
            : '',
        ),
        ofLeads.length ? funnelBars('Leads of the period by status', ofLeads) : nothing(),
        table(
          'funnel-leads',
          'Leads created in the period, by status',
          [SOURCE, ...columns, ...ends],
          funnelRows(leads, ['source']),
        ),
      ),
    ),
  ];
}

const FUNNEL_SECTION = {
  id: 'funnel',
  title: 'Funnel',
  body: funnel,
  lead: 'Of what was created in the period, how much came how far. Young cohorts are still on their way.',
  definitions: () => [
    definition(
      terms(
        'mart_funnel',
        ['created', 'Created'],
        ['reached', 'Reached'],
        ['conversion_from_previous', 'Of the step before'],
        ['dropped', 'Lost here'],
        ['ended', 'No longer here'],
        ['drop_off_rate', 'Drop-off'],
      ),
      'mart_funnel',
    ),
  ],
};
