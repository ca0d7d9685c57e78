// What is expected, and what such forecasts were worth.

const SMALL_CHARTS = 6;

function forecast() {
  const ahead = tables.forecast.filter(inPlace);
  const past = tables.backtest.filter((row) => inPlace(row) && inPeriod(row));
  if (!ahead.length) return [nothing()];
  const pipelines = grouped(ahead, ['source', 'pipeline'], ['expected_amount']).sort(
    (a, b) => (b.expected_amount ?? 0) - (a.expected_amount ?? 0),
  );
  const summary = backtestSummary(past);
  const horizons = summary.length;
  const judged = summary.filter((row) => row.forecasts >= FEW);
  const enough = judged.length > 0 && new Set(past.map((row) => row.forecast_on)).size >= FEW_MONTHS;
  const drawnOnes = pipelines.slice(0, SMALL_CHARTS);
  const charts = drawnOnes.map((one) => {
    const earlier = past
      .filter((row) => row.months_ahead === 1 && samePipeline(one)(row))
      .map((row) => ({ ...row, actual: row.actual_amount, ahead: false }));
    const later = ahead.filter(samePipeline(one)).map((row) => ({ ...row, actual: null, ahead: true }));
    const rows = [...earlier, ...later].map((row) => ({
      month: row.month,
      ahead: row.ahead,
      actual: row.actual,
      expected: row.expected_amount,
      low: row.low_amount,
      high: row.high_amount,
    }));
    return make(
      'div',
      {},
      make(pipelines.length > 1 ? 'h4' : 'h3', { dir: 'auto' }, `${one.source}: ${one.pipeline}`),
      forecastChart(`Forecast and what came, ${one.pipeline}`, rows),
    );
  });
  return [
    ...ownersForecast(),
    ...totalForecast(ahead, past, pipelines),
    notes(
      notByOwner(),
      pipelines.length > SMALL_CHARTS
        ? `The ${SMALL_CHARTS} pipelines with the largest forecast; the table has all.`
        : '',
      pipelines.length > 1 ? 'Intervals of several pipelines do not add up, so each stands alone.' : '',
    ),
    make(
      'p',
      { class: 'legend muted' },
      make('span', { class: 'key' }),
      ' expected, and where four in five should fall  ',
      make('span', { class: 'key lost' }),
      ' what was said one month ahead  ',
      make('span', { class: 'key dot' }),
      ' what came',
    ),
    make('div', { class: drawnOnes.length > 1 ? 'many' : '' }, ...charts),
    table(
      'forecast',
      `Forecast, ${about.currency}, of the deals open today`,
      [
        ...PLACE,
        column('month', 'Month', 'month'),
        column('open_deals', 'Open deals', 'count'),
        column('open_amount', 'Open amount', 'money'),
        column('expected_deals', 'Expected deals', 'decimal'),
        column('expected_amount', 'Expected', 'money'),
        column('low_amount', 'Low', 'money'),
        column('high_amount', 'High', 'money'),
        column('won_so_far_amount', 'Won so far', 'money'),
        column('crm_amount', 'CRM’s probabilities', 'money'),
      ],
      ahead,
    ),
    make('h3', {}, 'How well it did'),
    enough
      ? null
      : tooLittle(`a forecast is judged by ${FEW} forecasts of at least ${FEW_MONTHS} past month-ends in the period.`),
    notes(enough && judged.length < horizons ? 'Months ahead of which there are fewer than ten forecasts are left out.' : ''),
    table(
      'backtest-summary',
      'Forecasts of past month-ends against what came, of the months in the period',
      [
        column('months_ahead', 'Months ahead', 'count'),
        column('forecasts', 'Forecasts', 'count'),
        column('within', 'In the interval', 'rate', { n: 'forecasts' }),
        column('error', 'Error', 'rate', { n: 'forecasts' }),
        column('bias', 'Bias', 'rate', { n: 'forecasts' }),
        ...NAIVE.flatMap(([key, label]) => [
          column(`${key}_n`, `${label}: forecasts`, 'count'),
          column(`${key}_ours`, 'ours on those', 'rate', { n: `${key}_n` }),
          column(key, 'its error', 'rate', { n: `${key}_n` }),
        ]),
      ],
      judged,
      enough,
    ),
    table(
      'backtest',
      'Every forecast of a past month-end',
      [
        ...PLACE,
        column('forecast_on', 'Forecast on', 'day'),
        column('month', 'Month', 'month'),
        column('months_ahead', 'Months ahead', 'count'),
        column('expected_amount', 'Expected', 'money'),
        column('low_amount', 'Low', 'money'),
        column('high_amount', 'High', 'money'),
        column('actual_amount', 'Came', 'money'),
        column('error', 'Error', 'money'),
        column('is_within_interval', 'In the interval', 'yes'),
      ],
      past,
    ),
  ];
}

/** What is to be expected of an owner's open deals: it stands in the deals' own odds, not in the forecast by pipeline. */
function ownersForecast() {
  if (!choice.owner) return [];
  const rows = tables.open_now.filter((row) => inPlace(row) && ofOwner(row));
  const [sum] = grouped(
    rows.map((row) => ({ ...row, all: 1 })),
    ['all'],
    OPEN,
  );
  if (!sum) return [];
  const said = sum.with_odds
    ? `Of ${counted(sum.open_deals, 'open deal')} of ${placeName()}, ${told(sum.this_month_amount, 'money')} should be won in the ` +
      `rest of this month, ${told(sum.next_month_amount, 'money')} in the next, ${told(sum.expected_amount, 'money')} ever.`
    : `What to expect of the open deals of ${placeName()} is not known yet.`;
  return [make('p', { class: 'said' }, said)];
}

/** All pipelines shown together: expected amounts add up, their intervals do not. */
function totalForecast(ahead, past, pipelines) {
  if (pipelines.length < 2) return [];
  const keys = ['open_deals', 'open_amount', 'expected_deals', 'expected_amount', 'won_so_far_amount', 'crm_amount'];
  const later = grouped(ahead, ['month'], keys).sort((a, b) => (a.month < b.month ? -1 : 1));
  const earlier = grouped(
    past.filter((row) => row.months_ahead === 1),
    ['month'],
    ['expected_amount', 'actual_amount'],
  ).sort((a, b) => (a.month < b.month ? -1 : 1));
  const none = { low: null, high: null };
  return [
    make('h3', {}, 'All pipelines shown'),
    make(
      'p',
      { class: 'legend muted' },
      make('span', { class: 'key tick' }),
      ' expected; of months that are over as said one month ahead  ',
      make('span', { class: 'key dot' }),
      ' what came',
    ),
    forecastChart('Forecast and what came, all pipelines shown', [
      ...earlier.map((row) => ({
        ...none,
        month: row.month,
        ahead: false,
        actual: row.actual_amount,
        expected: row.expected_amount,
      })),
      ...later.map((row) => ({ ...none, month: row.month, ahead: true, actual: null, expected: row.expected_amount })),
    ]),
    table(
      'forecast-total',
      `Forecast of all pipelines shown, ${about.currency}`,
      [
        column('month', 'Month', 'month'),
        column('open_deals', 'Open deals', 'count'),
        column('open_amount', 'Open amount', 'money'),
        column('expected_deals', 'Expected deals', 'decimal'),
        column('expected_amount', 'Expected', 'money'),
        column('won_so_far_amount', 'Won so far', 'money'),
        column('crm_amount', 'CRM’s probabilities', 'money'),
      ],
      later,
    ),
    make('h3', {}, 'By pipeline'),
  ];
}

/** Month-ends below which nothing is said about how good forecasts were. */
const FEW_MONTHS = 3;

const NAIVE = [
  ['trailing_mean_amount', 'Trailing mean'],
  ['last_year_amount', 'Last year'],
  ['crm_amount', 'CRM’s probabilities'],
];

/** Errors by months ahead: the sum of absolute errors over the sum of what came, as docs/forecast.md has them. */
function backtestSummary(rows) {
  const known = rows.filter((row) => row.expected_amount !== null);
  const error = (some, key) =>
    ratio(
      sumOf(some.map((row) => Math.abs(row[key] - row.actual_amount))),
      sumOf(some.map((row) => row.actual_amount)),
    );
  return [...new Set(known.map((row) => row.months_ahead))]
    .sort((a, b) => a - b)
    .map((ahead) => {
      const ours = known.filter((row) => row.months_ahead === ahead);
      const row = {
        months_ahead: ahead,
        forecasts: ours.length,
        within: ratio(sumOf(ours.map((one) => one.is_within_interval)), ours.length),
        error: error(ours, 'expected_amount'),
        bias: ratio(sumOf(ours.map((one) => one.error)), sumOf(ours.map((one) => one.actual_amount))),
      };
      for (const [key] of NAIVE) {
        const both = ours.filter((one) => one[key] !== null);
        Object.assign(row, {
          [`${key}_n`]: both.length,
          [`${key}_ours`]: error(both, 'expected_amount'),
          [key]: error(both, key),
        });
      }
      return row;
    });
}

const FORECAST_SECTION = {
  id: 'forecast',
  title: 'Forecast',
  body: forecast,
  lead: 'What the deals open today should bring, and how good such forecasts were. Deals not yet created are in none.',
  definitions: () => [
    definition(
      terms(
        'mart_forecast',
        ['expected_deals', 'Expected deals'],
        ['expected_amount', 'Expected'],
        ['low_amount', 'Low'],
        ['high_amount', 'High'],
        ['won_so_far_amount', 'Won so far'],
        ['crm_amount', 'CRM’s probabilities'],
      ),
      'mart_forecast',
    ),
    definition(
      terms(
        'mart_forecast_backtest',
        ['actual_amount', 'Came'],
        ['error', 'Error'],
        ['is_within_interval', 'In the interval'],
        ['last_year_amount', 'Last year'],
        ['trailing_mean_amount', 'Trailing mean'],
      ),
      'mart_forecast_backtest',
    ),
  ],
};
