// What is clean, what is not, and whose it is.

const SCORED = ['open_deals', 'clean_deals', 'open_amount', 'clean_amount'];

function hygiene() {
  const daily = choice.owner
    ? tables.owner_scores.filter((row) => ofOwner(row) && inPlace(row))
    : tables.scores.filter(inPlace);
  const days = grouped(daily, ['date_day'], SCORED)
    .map((row) => ({
      ...row,
      score: ratio(row.clean_deals, row.open_deals),
      score_by_amount: ratio(row.clean_amount, row.open_amount),
    }))
    .sort((a, b) => (a.date_day < b.date_day ? -1 : 1));
  const latest = days.at(-1);
  const violations = (choice.owner ? tables.owner_violations.filter(ofOwner) : tables.violations).filter(inPlace);
  const told = new Set(tables.reasons.filter((row) => inPlace(row) && ofOwner(row)).map((row) => row.reason));
  const rules = grouped(violations, ['rule', 'severity'], ['violations'])
    .sort((a, b) => b.violations - a.violations)
    .map((row) => ({
      ...row,
      opens: told.has(row.rule),
      title: label(row.rule),
      says: carried.rules[row.rule]?.says ?? null,
      why: carried.rules[row.rule]?.why || null,
    }));
  const score = latest
    ? `${shown(latest.score, 'rate')} of ${whole.format(latest.open_deals)} open deals are clean, ` +
      `${shown(latest.score_by_amount, 'rate')} by amount.`
    : 'No open deals to score.';
  return [
    make('p', { class: 'said' }, score),
    notes(
      'Score and lists are those of the nights that were published, whatever the period.',
      choice.owner ? 'By owner the score goes back a month.' : '',
    ),
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, 'Clean share of open deals'),
        days.length > 1
          ? scoreChart(days)
          : tooLittle('a line needs two published nights. Tonight’s score stands above.'),
        table(
          'scores',
          'Hygiene score by published night',
          [
            column('date_day', 'Day', 'day'),
            column('open_deals', 'Open deals', 'count'),
            column('clean_deals', 'Clean', 'count'),
            column('score', 'Score', 'rate', { n: 'open_deals' }),
            column('open_amount', 'Open amount', 'money'),
            column('clean_amount', 'Clean amount', 'money'),
            column('score_by_amount', 'Score by amount', 'rate', { n: 'open_deals' }),
          ],
          days,
        ),
      ),
      make(
        'div',
        {},
        make('h3', {}, 'Open violations by rule'),
        rules.length
          ? bars(
              'Open violations by rule',
              rules.slice(0, 12).map((row) => ({
                name: label(row.rule),
                row,
                opens: row.opens,
                value: row.violations,
                text: whole.format(row.violations),
                tip: row.severity,
                tone: row.severity === 'info' ? 'faint' : row.severity === 'critical' ? 'bad' : 'plain',
              })),
              { title: 'open violations', open: ({ row }) => opensRule(row) },
            )
          : nothing(),
        table(
          'rules',
          'Open violations by rule',
          [
            column('title', 'Rule', 'text', { open: opensRule }),
            column('severity', 'Severity', 'text'),
            column('violations', 'Open', 'count'),
            column('says', 'What it asks', 'text'),
            column('why', 'Why it matters', 'text'),
            column('rule', 'In hygiene_violations', 'text'),
          ],
          rules,
        ),
      ),
    ),
    ...owners(),
  ];
}

/** The open deals that break a rule; what breaks it and is no open deal stands in the worklists. */
function opensRule(row) {
  const found = tables.reasons.filter((one) => one.reason === row.rule && inPlace(one) && ofOwner(one));
  openDeals(
    `${label(row.rule)}: open deals`,
    (deal) => deal.reason_ids !== null && deal.reason_ids.split(', ').includes(row.rule),
    sumOf(found.map((one) => one.deals)),
  );
}

function owners() {
  const listed = tables.offenders.filter((row) => inPlace(row) && ofOwner(row));
  const names = new Map(listed.map((row) => [row.owner_key, row.owner_name]));
  const scores = new Map(
    grouped(
      tables.owner_scores.filter((row) => row.date_day === lastScoreDay && inPlace(row)),
      ['owner_key'],
      SCORED,
    ).map((row) => [row.owner_key, row]),
  );
  const rows = grouped(listed, ['owner_key', 'source'], ['records', 'violations', 'amount_at_stake'])
    .map((row) => ({
      ...row,
      owner_name: names.get(row.owner_key) ?? '(unassigned)',
      open_deals: scores.get(row.owner_key)?.open_deals ?? null,
      score: scores.has(row.owner_key)
        ? ratio(scores.get(row.owner_key).clean_deals, scores.get(row.owner_key).open_deals)
        : null,
    }))
    .sort((a, b) => b.records - a.records);
  const labels = ownerLabels(rows.slice(0, 12));
  const worst = tables.worst_records
    .filter((row) => inPlace(row) && ofOwner(row))
    .map((row) => ({ ...row, owner_name: row.owner_name ?? '(unassigned)' }));
  return [
    make('h3', {}, 'Whose records'),
    rows.length
      ? bars(
          'Records to fix by owner, most first',
          rows.slice(0, 12).map((row, place) => ({
            row,
            name: labels[place],
            value: row.records,
            text: whole.format(row.records),
            tip: `${whole.format(row.violations)} violations`,
          })),
          { title: 'records to fix', limit: 240, open: ({ row }) => opensRecords(row) },
        )
      : nothing(),
    table(
      'owners',
      'Records with open warnings, by owner',
      [
        column('owner_name', 'Owner', 'text', { open: opensRecords }),
        SOURCE,
        column('records', 'Records', 'count'),
        column('violations', 'Violations', 'count'),
        column('amount_at_stake', 'Amount at stake', 'money'),
        column('score', 'Clean share of open deals', 'rate', { n: 'open_deals' }),
      ],
      rows,
    ),
    table(
      'worst-records',
      'The worst records of each owner: the top of each worklist',
      RECORD_COLUMNS,
      worst,
    ),
  ];
}

const RECORD_COLUMNS = [
  column('owner_name', 'Owner', 'text'),
  column('place', 'Place', 'count'),
  column('record_name', 'Name', 'text', { link: recordPage, outside: recordAddress }),
  column('record_key', 'Record', 'text'),
  column('entity', 'Kind', 'text'),
  column('amount_at_stake', 'Amount at stake', 'money'),
  column('severity', 'Severity', 'text'),
  column('messages', 'What to fix', 'text'),
  column('first_seen_on', 'Since', 'day'),
];

function recordPage(row) {
  return row.entity === 'deals' ? dealPage({ deal_key: row.record_key }) : null;
}

function recordAddress(row) {
  return row.entity === 'deals' ? dealAddress({ source: row.source, deal_key: row.record_key }) : null;
}

/** The top of an owner's worklist. */
function opensRecords(row) {
  const rows = tables.worst_records
    .filter((one) => one.owner_key === row.owner_key && one.source === row.source && inPlace(one))
    .map((one) => ({ ...one, owner_name: one.owner_name ?? UNASSIGNED }));
  openList(
    `${row.owner_name}: records to fix`,
    `The worst ${whole.format(rows.length)} of ${counted(row.records, 'record')}; all are in worklists.`,
    RECORD_COLUMNS,
    rows,
  );
}

const lastScoreDay = tables.owner_scores.reduce((last, row) => (row.date_day > last ? row.date_day : last), '');

const HYGIENE_SECTION = {
  id: 'hygiene',
  title: 'Hygiene',
  body: hygiene,
  lead: 'How much of the open pipeline is clean, what is not, and whose it is.',
  definitions: () => [
    definition(
      terms(
        'hygiene_scores',
        ['open_deals', 'Open deals'],
        ['clean_deals', 'Clean'],
        ['score', 'Score'],
        ['score_by_amount', 'Score by amount'],
      ),
      'hygiene_scores',
    ),
    definition(
      terms(
        'worklists',
        ['place', 'Place'],
        ['amount_at_stake', 'Amount at stake'],
        ['severity', 'Severity'],
        ['messages', 'What to fix'],
        ['first_seen_on', 'Since'],
      ),
      'worklists',
    ),
  ],
};
