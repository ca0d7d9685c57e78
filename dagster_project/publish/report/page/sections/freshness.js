// How old the data is, and what became of every row.

const BALANCE = [
  'files',
  'rows_in_file',
  'rows_rejected',
  'rows_loaded',
  'rows_forgotten',
  'current_rows',
  'superseded',
  'quarantined',
  'balance',
];

function freshness() {
  const ofSource = (row) => !choice.source || row.source === choice.source;
  const feeds = tables.deliveries.filter(ofSource);
  const rows = tables.balance.filter(ofSource);
  const sum = Object.fromEntries(BALANCE.map((name) => [name, sumOf(rows.map((row) => row[name])) ?? 0]));
  const said = Object.fromEntries(BALANCE.map((name) => [name, whole.format(sum[name])]));
  const balanced = sum.balance === 0 && rows.every((row) => row.balance === 0);
  const aged = feeds.filter((row) => row.age_hours !== null);
  return [
    make(
      'p',
      { class: 'said' },
      `${said.rows_in_file} rows in ${said.files} files: ${said.rows_loaded} loaded, ${said.rows_rejected} rejected, ` +
        `${said.rows_forgotten} forgotten. Of the loaded, ${said.current_rows} are current, ${said.superseded} ` +
        `superseded, ${said.quarantined} in quarantine. ` +
        (balanced ? 'Every row is accounted for.' : `${said.balance} rows are unaccounted for.`),
    ),
    notes(
      'As of this run, whatever the period.',
      choice.pipeline || choice.owner ? 'Deliveries are of a source, not of a pipeline or owner.' : '',
    ),
    aged.length
      ? ages(
          'Hours since the newest loaded delivery of each feed, by source',
          aged.map((row) => ({
            name: row.source,
            value: row.age_hours,
            feed: `${row.feed} (${row.entity})`,
            wrong: wrong(row) ? 'something is wrong' : 'as it should be',
            tip: withUnit(row.age_hours, 'hours'),
          })),
        )
      : nothing(),
    make(
      'ul',
      { class: 'wrong' },
      ...feeds
        .filter(wrong)
        .slice(0, 12)
        .map((row) => make('li', { dir: 'auto' }, `${row.source}, ${row.feed}: ${row.said ?? row.newest_state}`)),
    ),
    table(
      'deliveries',
      'The newest delivery of each feed',
      [
        SOURCE,
        column('feed', 'Feed', 'text'),
        column('entity', 'Kind', 'text'),
        column('loaded_extracted_at', 'Newest loaded', 'moment'),
        column('age_hours', 'Hours old', 'hours'),
        column('newest_state', 'Newest delivered', 'text'),
        column('deliveries', 'Deliveries loaded', 'count'),
        column('said', 'What is wrong', 'text'),
      ],
      feeds,
    ),
    table(
      'balance',
      'What became of every row',
      [
        SOURCE,
        column('feed', 'Feed', 'text'),
        column('entity', 'Kind', 'text'),
        column('files', 'Files', 'count'),
        column('rows_in_file', 'Rows in files', 'count'),
        column('rows_rejected', 'Rejected', 'count'),
        column('rows_loaded', 'Loaded', 'count'),
        column('rows_forgotten', 'Forgotten', 'count'),
        column('current_rows', 'Current', 'count'),
        column('superseded', 'Superseded', 'count'),
        column('quarantined', 'Quarantined', 'count'),
        column('balance', 'Balance', 'count'),
      ],
      rows,
    ),
  ];
}

function wrong(row) {
  return row.said !== null || row.newest_state !== 'loaded';
}

const FRESHNESS_SECTION = {
  id: 'freshness',
  title: 'Freshness and balance',
  body: freshness,
  lead: 'How old the data is, and what became of every row that was delivered.',
  definitions: () => [
    definition(terms('deliveries', ['extracted_at', 'Extracted'], ['state', 'State']), 'deliveries'),
    definition(
      terms(
        'row_accounting',
        ['rows_in_file', 'Rows in files'],
        ['rows_rejected', 'Rejected'],
        ['rows_loaded', 'Loaded'],
        ['rows_forgotten', 'Forgotten'],
        ['current_rows', 'Current'],
        ['superseded', 'Superseded'],
        ['quarantined', 'Quarantined'],
        ['balance', 'Balance'],
      ),
      'row_accounting',
    ),
  ],
};
