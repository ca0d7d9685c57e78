// What the last publication said of months that were over, and is said otherwise now, with the records behind it.

const CAUSES = {
  late: 'delivered late',
  deleted: 'deleted',
  merged: 'merged',
  rewritten: 'the CRM changed its past',
  rate: 'another exchange rate',
  configuration: 'another configuration',
  software: 'another version of Dealtrail',
  time: 'time passed',
  several: 'several causes',
};

function restatedRows() {
  return tables.restated.map((row) => {
    const one = carried.figures.mart_monthly_metrics[row.metric] ?? { label: row.metric, unit: 'count' };
    return {
      ...row,
      figure: one.label,
      cause: CAUSES[row.cause],
      kinds: Object.fromEntries(['value_before', 'value_now', 'difference'].map((key) => [key, one.unit])),
    };
  });
}

function restated() {
  if (!about.restated) {
    const other = 'dealtrail explain --as-of 2026-01-01 --as-of 2026-01-15 compares any two moments that the files tell of.';
    return [notes(`Nothing was published for an earlier moment: from the next night on it stands here. ${other}`)];
  }
  const lines = about.restated.lines;
  const rows = restatedRows();
  return [
    make(
      'p',
      { class: 'said' },
      rows.length
        ? `${counted(about.restated.figures, 'figure')} of ${counted(about.restated.months, 'past month')} differ from ` +
            `what was published as of ${shown(about.restated.since_day, 'day')}.`
        : `No figure of a past month differs from what was published as of ${shown(about.restated.since_day, 'day')}.`,
    ),
    lines.length ? make('ul', { class: 'restated' }, ...lines.map((said) => make('li', { dir: 'auto' }, said))) : null,
    notes('Of all records, whatever the filters; by source, pipeline, owner, segment and lead source: quality.restatements.'),
    table(
      'restated',
      'Figures of past months that changed, by cause',
      [
        column('month', 'Month', 'month'),
        column('figure', 'Figure', 'text'),
        column('value_before', 'Was', 'count'),
        column('value_now', 'Is', 'count'),
        column('cause', 'Cause', 'text'),
        column('difference', 'Of the difference', 'count'),
      ],
      rows,
    ),
    table(
      'restated-records',
      'The records behind it',
      [
        column('month', 'Month', 'month'),
        column('figure', 'Figure', 'text'),
        column('name', 'Record', 'text', {
          link: (row) => (row.entity === 'deals' ? dealPage(row) : null),
          outside: (row) => (row.entity === 'deals' ? dealAddress(row) : null),
        }),
        column('what', 'What happened', 'text'),
        column('changes', 'From → to', 'text'),
        column('file', 'File', 'text'),
        column('row_number', 'Row', 'count'),
        column('deal_key', 'Key', 'text'),
      ],
      tables.restated_records.map((row) => ({
        ...row,
        figure: carried.figures.mart_monthly_metrics[row.metric]?.label ?? row.metric,
        name: row.record_name ?? row.deal_key,
      })),
    ),
  ];
}

const RESTATED_SECTION = {
  id: 'restated',
  title: 'What changed in the past',
  body: restated,
  lead: 'Months that were over when they were last published, and have another figure now.',
  definitions: () => [
    definition(
      terms(
        'restatements',
        ['value_before', 'Was'],
        ['value_now', 'Is'],
        ['cause', 'Cause'],
        ['difference', 'Of the difference'],
      ),
      'restatements',
    ),
  ],
};
