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
  const rows = metricRows()
    .filter(inPeriod)
    .map((row) => ({ ...row, win_rate_n: countOf(rate, row), opportunity_win_rate_n: countOf(qualified, row) }));
  if (!rows.length) return [nothing()];
  const enough = rows.some((row) => row.win_rate_n >= FEW);
  if (rows.length < 2) return [tooLittle('a line needs two months.'), trendTable(rows)];
  return [
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, rate.label),
        ...(enough
          ? [
              timeline(`${rate.label} by month`, rows, [
                { name: 'all closed deals', key: rate.key, kind: rate.unit, color: ACCENT },
                { name: 'qualified deals', key: qualified.key, kind: qualified.unit, color: SECOND },
              ]),
              notes(`A grey point is a rate of fewer than ${FEW} deals.`),
            ]
          : fewClosed(rows, rate)),
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
    trendTable(rows),
  ];
}

/** Where no month has enough closed deals for a rate of its own: that of the period. */
function fewClosed(rows, rate) {
  const [won, closed] = rate.parts.map((columns) => sumOf(columns.flatMap((one) => rows.map((row) => row[one]))) ?? 0);
  const said = closed ? ` Over the period ${whole.format(won)} of ${whole.format(closed)} closed deals were won` : '';
  const share = closed >= FEW ? ` (${shown(won / closed, 'rate')})` : '';
  return [tooLittle(`no month has ${FEW} closed deals.${said}${share}${said && '.'}`)];
}

function trendTable(rows) {
  const columns = figureColumns(TREND_FIGURES).map((one) => (`${one.key}_n` in rows[0] ? { ...one, n: `${one.key}_n` } : one));
  return table(
    'trend',
    `By month, ${placeName()}`,
    [column('month', 'Month', 'month'), column('is_complete_month', 'Over', 'yes'), ...columns],
    rows,
  );
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
