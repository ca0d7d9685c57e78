// Which stage leads to which.

const CREATED = '(created)';

function flow() {
  const rows = choice.owner
    ? tables.owner_flow
        .filter((row) => inPlace(row) && ofOwner(row))
        .map((row) => ({ ...row, amount: null, days_median: null }))
    : chosen('flow');
  if (!rows.length) return [nothing()];
  const added = grouped(rows, ['source', 'pipeline', 'from_stage', 'to_stage'], ['transitions', 'amount']);
  const members = new Map();
  for (const row of rows) {
    const key = keyOf(row.source, row.pipeline, row.from_stage, row.to_stage);
    members.set(key, [...(members.get(key) ?? []), row]);
  }
  const listed = added.map((row) => {
    const own = members.get(keyOf(row.source, row.pipeline, row.from_stage, row.to_stage));
    return {
      ...row,
      on_path: own.every((one) => one.is_on_path !== 0) ? 1 : 0,
      days_median: own.length === 1 ? own[0].days_median : null,
    };
  });
  const one = mainPipeline(listed, 'transitions');
  const cells = listed.filter(samePipeline(one)).map((row) => ({
    from: row.from_stage ?? CREATED,
    to: row.to_stage,
    count: row.transitions,
    figure: whole.format(row.transitions),
    tone: !row.on_path ? 'off' : stageOf.get(keyOf(row.source, row.pipeline, row.to_stage))?.is_lost ? 'lost' : 'on',
    path: row.on_path ? 'on the usual path' : 'off the usual path',
  }));
  const order = (name) =>
    name === CREATED ? -1 : (stageOf.get(keyOf(one.source, one.pipeline, name))?.stage_order ?? 1e6);
  const inStageOrder = (names) => [...new Set(names)].sort((a, b) => order(a) - order(b));
  const off = sumOf(listed.filter((row) => !row.on_path).map((row) => row.transitions)) ?? 0;
  const all = sumOf(listed.map((row) => row.transitions));
  return [
    make(
      'p',
      { class: 'said' },
      `${whole.format(off)} of ${whole.format(all)} changes of stage were off the usual path.`,
    ),
    notes(
      choice.owner
        ? 'By owner: the last twelve months that are over and the running one, whatever the period; amounts and days are not kept.'
        : '',
      onlyPipeline(one, listed),
      choice.owner || choice.from === choice.to
        ? ''
        : 'The median days of several months cannot be combined: choose one month to see them.',
    ),
    matrix(
      `Changes of stage in ${one.pipeline}, from where to where`,
      cells,
      inStageOrder(cells.map((cell) => cell.from)),
      inStageOrder(cells.map((cell) => cell.to)),
    ),
    make(
      'p',
      { class: 'legend muted' },
      make('span', { class: 'key on' }),
      ' on the path  ',
      make('span', { class: 'key off' }),
      ' off the path (back, skipped, reopened)  ',
      make('span', { class: 'key lost' }),
      ' lost',
    ),
    table(
      'flow',
      choice.owner ? 'Changes of stage in the last year' : 'Changes of stage in the period',
      [
        ...PLACE,
        column('from_stage', 'From', 'text'),
        column('to_stage', 'To', 'text'),
        column('transitions', 'Times', 'count'),
        column('amount', `Amount, ${about.currency}`, 'money'),
        column('days_median', 'Median days', 'days'),
        column('on_path', 'On the path', 'yes'),
      ],
      listed,
    ),
  ];
}

const FLOW_SECTION = {
  id: 'flow',
  title: 'Flow between stages',
  body: flow,
  lead: 'Which stage leads to which, and how often.',
  definitions: () => [
    definition(
      terms(
        'mart_stage_flow',
        ['transitions', 'Times'],
        ['amount', 'Amount'],
        ['days_median', 'Median days'],
        ['is_on_path', 'On the path'],
      ),
      'mart_stage_flow',
    ),
  ],
};
