// How long deals stay in a stage.

const STAYS = [
  { key: 'days_in_stage_km_median', name: 'median, open counted', shape: 'circle', color: ACCENT },
  { key: 'days_in_stage_km_p90', name: '90 % left, open counted', shape: 'triangle-right', color: ACCENT },
  { key: 'days_in_stage_median', name: 'median, ended only', shape: 'circle', color: 'var(--second)' },
  { key: 'days_in_stage_mean', name: 'mean, ended only', shape: 'diamond', color: 'var(--second)' },
];

function opensStage(row) {
  openDeals(`Open in ${stageName(row)}, ${row.source}: ${row.pipeline}`, samePlaceAndStage(row));
}

function timeInStage() {
  const rows = choice.owner
    ? tables.owner_time_in_stage.filter((row) => inPlace(row) && ofOwner(row))
    : tables.time_in_stage.filter(inPlace);
  const one = mainPipeline(rows, 'visits');
  const drawnRows = rows.filter(samePipeline(one)).map((row) => ({ ...row, stage: stageName(row) }));
  if (!rows.length) return [nothing()];
  const drawn = drawnRows.some((row) => STAYS.some((stay) => row[stay.key] !== null));
  return [
    notes('All history: this does not follow the period.', onlyPipeline(one, rows)),
    ...(drawn
      ? [
          stays(`Days in each stage of ${one.pipeline}`, drawnRows, STAYS),
          choice.owner ? null : make('p', { class: 'muted' }, 'The band is the 95 % interval of the median.'),
        ]
      : [notes('Nothing to draw: of no stage is it known when deals came and left. What helps is in docs/history.md.')]),
    table(
      'time-in-stage',
      'Days in stage, over all history',
      [
        ...PLACE,
        column('stage', 'Stage', 'text', { open: opensStage }),
        column('canonical', 'Canonical stage', 'text'),
        column('stage_order', 'Order', 'ratio'),
        column('visits', 'Stays', 'count'),
        column('open', 'Of those open', 'count'),
        column('days_in_stage_km_median', 'Median', 'days'),
        column('days_in_stage_km_median_low', 'from', 'days'),
        column('days_in_stage_km_median_high', 'to', 'days'),
        column('days_in_stage_km_p90', '90 % left', 'days'),
        column('days_in_stage_median', 'Median, ended only', 'days'),
        column('days_in_stage_mean', 'Mean, ended only', 'days'),
      ],
      rows.map((row) => ({ ...row, canonical: stageOf.get(keyOf(row.source, row.pipeline, row.stage))?.canonical_stage ?? null })),
    ),
  ];
}

const TIME_IN_STAGE_SECTION = {
  id: 'time-in-stage',
  title: 'Time in stage',
  body: timeInStage,
  lead: 'How long deals stay, with those still there counted right. Figures of ended stays alone are too short.',
  definitions: () => [
    definition(
      terms(
        'mart_time_in_stage',
        ['visits', 'Stays'],
        ['days_in_stage_km_median', 'Median'],
        ['days_in_stage_km_median_low', 'from'],
        ['days_in_stage_km_median_high', 'to'],
        ['days_in_stage_km_p90', '90 % left'],
        ['days_in_stage_median', 'Median, ended only'],
        ['days_in_stage_mean', 'Mean, ended only'],
      ),
      'mart_time_in_stage',
    ),
  ],
};
