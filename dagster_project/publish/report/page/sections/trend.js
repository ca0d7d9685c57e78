// Win rate and velocity, month by month.

const TREND_FIGURES = [
  'deals_won',
  'deals_lost',
  'win_rate',
  'opportunity_win_rate',
  'deals_worked',
  'avg_deal_size',
  'sales_cycle_days',
  'pipeline_velocity_per_day',
];

function trend() {
  const [rate, qualified, velocity] = ['win_rate', 'opportunity_win_rate', 'pipeline_velocity_per_day'].map((key) =>
    figure(key),
  );
  const rows = metricRows().filter(inPeriod);
  if (!rows.length) return [nothing()];
  return [
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, rate.label),
        timeline(`${rate.label} by month`, rows, [
          { name: 'all closed deals', key: rate.key, kind: rate.unit, color: ACCENT },
          { name: 'qualified deals', key: qualified.key, kind: qualified.unit, color: SECOND },
        ]),
      ),
      make(
        'div',
        {},
        make('h3', {}, `${velocity.label}, ${about.currency} per day`),
        timeline(`${velocity.label} by month`, rows, [
          { name: velocity.heading, key: velocity.key, kind: velocity.unit, color: ACCENT },
        ]),
      ),
    ),
    table(
      'trend',
      `By month, ${placeName()}`,
      [column('month', 'Month', 'month'), column('is_complete_month', 'Over', 'yes'), ...figureColumns(TREND_FIGURES)],
      rows,
    ),
  ];
}

const TREND_SECTION = {
  id: 'trend',
  title: 'Win rate and velocity',
  body: trend,
  lead: 'Month by month. A hollow point is a month that is not over.',
  definitions: () => [
    definition(
      terms(
        'mart_monthly_metrics',
        ...TREND_FIGURES.map((key) => [key, figure(key).label]),
      ),
      'mart_monthly_metrics',
    ),
  ],
};
