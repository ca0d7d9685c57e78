// Win rate and velocity, month by month.

function trend() {
  const rows = metricRows().filter(inPeriod);
  if (!rows.length) return [nothing()];
  return [
    make(
      'div',
      { class: 'pair' },
      make(
        'div',
        {},
        make('h3', {}, 'Win rate'),
        timeline('Win rate by month', rows, [
          { name: 'all closed deals', key: 'win_rate', kind: 'rate', color: ACCENT },
          { name: 'qualified deals', key: 'opportunity_win_rate', kind: 'rate', color: SECOND },
        ]),
      ),
      make(
        'div',
        {},
        make('h3', {}, `Velocity, ${about.currency} per day`),
        timeline('Pipeline velocity by month', rows, [
          { name: 'Velocity per day', key: 'pipeline_velocity_per_day', kind: 'money', color: ACCENT },
        ]),
      ),
    ),
    table(
      'trend',
      `By month, ${placeName()}`,
      [
        column('month', 'Month', 'month'),
        column('is_complete_month', 'Over', 'yes'),
        column('deals_won', 'Won', 'count'),
        column('deals_lost', 'Lost', 'count'),
        column('win_rate', 'Win rate', 'rate'),
        column('opportunity_win_rate', 'Qualified win rate', 'rate'),
        column('deals_worked', 'Deals worked', 'count'),
        column('avg_deal_size', 'Average deal size', 'money'),
        column('sales_cycle_days', 'Sales cycle, days', 'days'),
        column('pipeline_velocity_per_day', 'Velocity per day', 'money'),
      ],
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
        ['win_rate', 'Win rate'],
        ['opportunity_win_rate', 'Qualified win rate'],
        ['deals_worked', 'Deals worked'],
        ['avg_deal_size', 'Average deal size'],
        ['sales_cycle_days', 'Sales cycle'],
        ['pipeline_velocity_per_day', 'Velocity per day'],
      ),
      'mart_monthly_metrics',
    ),
  ],
};
