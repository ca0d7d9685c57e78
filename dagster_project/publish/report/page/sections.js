// The sections of the page: what each shows of the choice, and in whose words it is defined.

const TERMS = [
  // key, label, kind, whether more is better, tile
  ['deals_won', 'Deals won', 'count', 1, true],
  ['won_amount', 'Amount won', 'money', 1, true],
  ['win_rate', 'Win rate', 'rate', 1, true],
  ['avg_deal_size', 'Average deal size', 'money', 1, true],
  ['sales_cycle_days', 'Sales cycle, mean', 'days', -1, true],
  ['pipeline_velocity_per_day', 'Velocity per day', 'money', 1, true],
  ['new_leads', 'New leads', 'count', 1, true],
  ['closing_amount', 'Open at month’s end', 'money', 0, true],
  ['closing_deals', 'Open deals at month’s end', 'count', 0, false],
  ['opportunities_created', 'Deals created', 'count', 1, false],
  ['deals_lost', 'Deals lost', 'count', -1, false],
  ['deals_worked', 'Deals worked', 'count', 0, false],
  ['win_loss_ratio', 'Win/loss ratio', 'ratio', 1, false],
  ['opportunity_win_rate', 'Opportunity win rate (qualified)', 'rate', 1, false],
  ['deal_closure_rate', 'Deal closure rate', 'rate', 1, false],
  ['sales_cycle_days_median', 'Sales cycle, median', 'days', -1, false],
  ['lead_conversion_rate', 'Lead conversion rate', 'rate', 1, false],
  ['response_hours', 'Lead response, mean', 'hours', -1, false],
  ['response_hours_median', 'Lead response, median', 'hours', -1, false],
  ['response_within_sla_rate', 'Answered within the SLA', 'rate', 1, false],
  ['leads_unanswered', 'Leads unanswered', 'count', -1, false],
  ['new_customers', 'New customers', 'count', 1, false],
  ['spend', 'Sales and marketing spend', 'money', 0, false],
  ['cac', 'Customer acquisition cost', 'money', -1, false],
  ['clv', 'Customer lifetime value', 'money', 1, false],
  ['clv_to_cac', 'Lifetime value to acquisition cost', 'ratio', 1, false],
].map(([key, label, kind, better, tile]) => ({ key, label, kind, better, tile }));

const SOURCE = { key: 'source', label: 'Source', kind: 'text' };
const PIPELINE = { key: 'pipeline', label: 'Pipeline', kind: 'text' };
const PLACE = [SOURCE, PIPELINE];

function column(key, label, kind) {
  return { key, label, kind };
}

function placeName() {
  if (choice.owner === NOBODY) return 'what is nobody’s';
  if (choice.owner) return tables.owners.find((one) => one.owner_key === choice.owner).owner_name;
  if (choice.pipeline) return `${choice.pipeline.source}: ${choice.pipeline.pipeline}`;
  return choice.source || 'all sources';
}

/** What a chart does not follow, said where it stands. */
function notes(...texts) {
  const said = texts.filter(Boolean);
  return said.length ? make('p', { class: 'note' }, said.join(' ')) : null;
}

function notByOwner() {
  return choice.owner ? `Not kept by owner: this is ${choice.source ? `all of ${choice.source}` : 'of all owners'}.` : '';
}

function onlyPipeline(one, rows) {
  const several = one && grouped(rows, ['source', 'pipeline'], []).length > 1;
  return several ? `The chart shows one pipeline, ${one.source}: ${one.pipeline}; choose another above. The table has them all.` : '';
}

function nothing() {
  return make('p', { class: 'note' }, 'Nothing to show for this choice.');
}

// ---- headline

/** Open deals and amount at each month's end: they add up over pipelines. Owners have none. */
function closingByMonth() {
  if (choice.owner) return new Map();
  const rows = grouped(tables.movements.filter(inPlace), ['month'], ['closing_deals', 'closing_amount']);
  return new Map(rows.map((row) => [row.month, row]));
}

function headlineRows() {
  const closing = closingByMonth();
  return metricRows().map((row) => ({ closing_deals: null, closing_amount: null, ...row, ...closing.get(row.month) }));
}

/** The last month of the period that is over, and the month before it. */
function headlineMonths() {
  const month = completeMonths.filter((one) => one <= choice.to).at(-1) ?? null;
  return [month, months[months.indexOf(month) - 1] ?? null];
}

/** Goals of a whole pipeline, where one pipeline is all that is shown. */
function goalsOf(month) {
  const pipelines = tables.pipelines.filter(inPlace);
  if (choice.owner || pipelines.length !== 1) return new Map();
  const rows = tables.goals.filter((row) => row.month === month && row.stage === null && samePipeline(pipelines[0])(row));
  return new Map(rows.map((row) => [row.goal, row]));
}

/** A change as people say it: rates in points, the rest in per cent. */
function change(term, now, before) {
  if (now === null || before === null || now === undefined || before === undefined) return null;
  if (term.kind === 'rate') return { text: `${signed(tenth.format((now - before) * 100))} points`, sign: Math.sign(now - before) };
  if (!before) return null;
  return { text: `${signed(tenth.format(((now - before) / Math.abs(before)) * 100))} %`, sign: Math.sign(now - before) };
}

function signed(text) {
  return text.startsWith('-') || text === '0' ? text.replace('-', '−') : `+${text}`;
}

function tile(term, row, before, goal, history) {
  const delta = change(term, row[term.key], before?.[term.key]);
  const tone = !delta || !delta.sign || !term.better ? 'level' : delta.sign === term.better ? 'good' : 'bad';
  const arrow = !delta || !delta.sign ? '' : delta.sign > 0 ? '▲ ' : '▼ ';
  return make(
    'div',
    { class: 'tile' },
    make('h3', {}, term.label),
    make('p', { class: 'figure' }, withUnit(row[term.key], term.kind)),
    make('p', { class: `delta ${tone}` }, delta ? `${arrow}${delta.text}` : 'no month before to compare', make('span', { class: 'muted' }, delta ? ' on the month before' : '')),
    goal
      ? make('p', { class: `goal ${isReached(goal) ? 'good' : 'bad'}` }, `goal ${withUnit(goal.target, term.kind)} ${isReached(goal) ? '✓ reached' : 'missed'}`)
      : null,
    sparkline(history.map((one) => one[term.key])),
  );
}

function isReached(goal) {
  if (goal.actual === null) return false;
  return goal.is_more_better ? goal.actual >= goal.target : goal.actual <= goal.target;
}

function goalKind(goal) {
  if (/rate$/.test(goal)) return 'rate';
  if (/amount|deal_size|velocity|cac$/.test(goal)) return 'money';
  if (/days/.test(goal)) return 'days';
  return /ratio/.test(goal) ? 'ratio' : 'count';
}

function headline() {
  const [month, monthBefore] = headlineMonths();
  const rows = headlineRows();
  const row = rows.find((one) => one.month === month);
  if (!row) return [nothing()];
  const before = rows.find((one) => one.month === monthBefore);
  const goals = goalsOf(month);
  const history = rows.filter((one) => one.is_complete_month && one.month <= month).slice(-12);
  const listed = TERMS.map((term) => ({
    metric: term.label,
    now: row[term.key],
    before: before?.[term.key] ?? null,
    change: change(term, row[term.key], before?.[term.key])?.text ?? null,
    goal: goals.get(term.key)?.target ?? null,
    kinds: { now: term.kind, before: term.kind, goal: term.kind },
    name: term.key,
  }));
  return [
    make('p', { class: 'said' }, sentence(row, before, month)),
    notes(
      choice.owner ? 'What is open at month’s end is not kept by owner.' : '',
      choice.pipeline ? 'Leads belong to no pipeline.' : '',
      goals.size || choice.owner ? '' : 'Goals are set per pipeline: see below, or choose one pipeline.',
    ),
    make('div', { class: 'tiles' }, ...TERMS.filter((term) => term.tile).map((term) => tile(term, row, before, goals.get(term.key), history))),
    table(
      'headline',
      `Metrics of ${shown(month, 'month')}, ${placeName()}`,
      [column('metric', 'Metric', 'text'), column('now', shown(month, 'month'), 'ratio'), column('before', monthBefore ? shown(monthBefore, 'month') : 'Month before', 'ratio'),
        column('change', 'Change', 'text'), column('goal', 'Goal', 'ratio'), column('name', 'In mart_monthly_metrics', 'text')],
      listed,
    ),
    ...goalBlock(month),
  ];
}

function sentence(row, before, month) {
  const won = `${whole.format(row.deals_won)} ${row.deals_won === 1 ? 'deal' : 'deals'} won in ${shown(month, 'month')}`;
  const worth = row.won_amount ? `, worth ${withUnit(row.won_amount, 'money')}` : '';
  const against = before ? `; ${whole.format(before.deals_won)} the month before` : '';
  return `${won}${worth}${against}.`;
}

function goalBlock(month) {
  const rows = tables.goals
    .filter((row) => row.month === month && inPlace(row))
    .map((row) => ({ ...row, reached: isReached(row) ? 1 : 0, kinds: { target: goalKind(row.goal), actual: goalKind(row.goal) } }));
  if (!rows.length) return [];
  const named = (row) => `${row.goal.replaceAll('_', ' ')} · ${row.stage ?? row.pipeline} (${row.source})`;
  const drawnRows = rows.filter((row) => row.attainment !== null).slice(0, 24);
  return [
    make('h3', {}, `Goals of ${shown(month, 'month')}`),
    notes(notByOwner()),
    bars(
      `Attainment of ${drawnRows.length} goals, with a line at 100 %`,
      drawnRows.map((row) => ({
        name: named(row), value: row.attainment, text: shown(row.attainment, 'rate'), tone: row.reached ? 'good' : 'bad',
        tip: `${withUnit(row.actual, goalKind(row.goal))} of ${withUnit(row.target, goalKind(row.goal))}${row.is_more_better ? '' : ' allowed'}`,
      })),
      { title: 'actual ÷ target', kind: 'rate', rule: 1, limit: 260 },
    ),
    table('goals', `Goals of ${shown(month, 'month')}`,
      [...PLACE, column('stage', 'Stage', 'text'), column('goal', 'Goal', 'text'), column('target', 'Target', 'ratio'), column('actual', 'Actual', 'ratio'),
        column('attainment', 'Attainment', 'rate'), column('is_more_better', 'More is better', 'yes'), column('reached', 'Reached', 'yes')], rows),
  ];
}

// ---- funnel

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
      return { ...row, conversion: previous === undefined ? null : ratio(row.reached, previous), drop_off_rate: ratio(row.dropped, row.ended) };
    });
}

function keyOrder(a, b, keys) {
  for (const key of keys) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
  return 0;
}

function funnelBars(label, rows) {
  return bars(
    label,
    rows.map((row) => ({
      name: row.step, value: row.reached, tip: `${whole.format(row.reached)} of ${whole.format(row.created)}`,
      text: `${whole.format(row.reached)}${row.drop_off_rate === null ? '' : ` · ${shown(row.drop_off_rate, 'rate')} lost here`}`,
    })),
    { title: 'came this far', room: isNarrow() ? 2.1 : 1.5 },
  );
}

function funnel() {
  const rows = chosen('funnel');
  const deals = rows.filter((row) => row.entity === 'deals');
  const leads = tables.funnel.filter((row) => row.entity === 'leads' && inPeriod(row) && (!choice.source || row.source === choice.source));
  const ofDeals = funnelRows(deals, []);
  const leadSource = mainPipeline(leads, 'created');
  const ofLeads = leadSource ? funnelRows(leads.filter((row) => row.source === leadSource.source), []) : [];
  const severalSources = new Set(leads.map((row) => row.source)).size > 1;
  const columns = [column('step', 'Step', 'text'), column('created', 'Created', 'count'), column('reached', 'Came this far', 'count')];
  const ends = [column('dropped', 'Lost here', 'count'), column('ended', 'No longer here', 'count'), column('drop_off_rate', 'Drop-off', 'rate')];
  return [
    notes(notByOwner()),
    make('div', { class: 'pair' },
      make('div', {}, make('h3', {}, 'Deals'), ofDeals.length ? funnelBars('Deals of the period by the furthest stage they came to', ofDeals) : nothing(),
        table('funnel-deals', 'Funnel of deals created in the period', [...columns, column('conversion', 'Of the step before', 'rate'), ...ends], ofDeals)),
      make('div', {}, make('h3', {}, leadSource && severalSources ? `Leads of ${leadSource.source}` : 'Leads'),
        notes(
          choice.pipeline ? 'Leads belong to no pipeline: these are all of the source.' : '',
          severalSources ? 'Each source has lead statuses of its own: the chart shows the source with most leads, the table has all.' : '',
        ),
        ofLeads.length ? funnelBars('Leads of the period by status', ofLeads) : nothing(),
        table('funnel-leads', 'Leads created in the period, by status', [SOURCE, ...columns, ...ends], funnelRows(leads, ['source'])))),
  ];
}

// ---- win rate and velocity

function trend() {
  const rows = metricRows().filter(inPeriod);
  if (!rows.length) return [nothing()];
  return [
    make('div', { class: 'pair' },
      make('div', {}, make('h3', {}, 'Win rate'),
        timeline('Win rate by month', rows, [
          { name: 'all closed deals', key: 'win_rate', kind: 'rate', color: ACCENT },
          { name: 'qualified deals', key: 'opportunity_win_rate', kind: 'rate', color: SECOND },
        ])),
      make('div', {}, make('h3', {}, `Velocity, ${about.currency} per day`),
        timeline('Pipeline velocity by month', rows, [{ name: 'Velocity per day', key: 'pipeline_velocity_per_day', kind: 'money', color: ACCENT }]))),
    table('trend', `By month, ${placeName()}`,
      [column('month', 'Month', 'month'), column('is_complete_month', 'Over', 'yes'), column('deals_won', 'Won', 'count'), column('deals_lost', 'Lost', 'count'), column('win_rate', 'Win rate', 'rate'),
        column('opportunity_win_rate', 'Qualified win rate', 'rate'), column('deals_worked', 'Deals worked', 'count'), column('avg_deal_size', 'Average deal size', 'money'),
        column('sales_cycle_days', 'Sales cycle, days', 'days'), column('pipeline_velocity_per_day', 'Velocity per day', 'money')], rows),
  ];
}

// ---- time in stage

const STAYS = [
  { key: 'days_in_stage_km_median', name: 'median, open deals counted', shape: 'circle', color: ACCENT },
  { key: 'days_in_stage_km_p90', name: '90 % have left, open deals counted', shape: 'triangle-right', color: ACCENT },
  { key: 'days_in_stage_median', name: 'median of ended stays only', shape: 'circle', color: 'var(--second)' },
  { key: 'days_in_stage_mean', name: 'mean of ended stays only', shape: 'diamond', color: 'var(--second)' },
];

function timeInStage() {
  const rows = tables.time_in_stage.filter(inPlace);
  const one = mainPipeline(rows, 'visits');
  const drawnRows = rows.filter(samePipeline(one));
  if (!rows.length) return [nothing()];
  return [
    notes('All history: this does not follow the period.', notByOwner(), onlyPipeline(one, rows)),
    stays(`Days in each stage of ${one.pipeline}`, drawnRows, STAYS),
    make('p', { class: 'muted' }, 'The band is the 95 % interval of the median.'),
    table('time-in-stage', 'Days in stage, over all history',
      [...PLACE, column('stage', 'Stage', 'text'), column('stage_order', 'Order', 'ratio'), column('visits', 'Stays', 'count'), column('open', 'Of those open', 'count'),
        column('days_in_stage_km_median', 'Median', 'days'), column('days_in_stage_km_median_low', 'from', 'days'), column('days_in_stage_km_median_high', 'to', 'days'),
        column('days_in_stage_km_p90', '90 % left', 'days'), column('days_in_stage_median', 'Median, ended only', 'days'), column('days_in_stage_mean', 'Mean, ended only', 'days')], rows),
  ];
}

// ---- movements

const MOVES = [
  ['created', 1], ['reopened', 1], ['increased', 1], ['decreased', -1], ['won', -1], ['lost', -1], ['deleted', -1],
];

/** A period's movement: opening of its first month, closing of its last, what happened between added up. */
function movementOf(rows, what) {
  const at = (month, name) => sumOf(rows.filter((row) => row.month === month).map((row) => row[`${name}_${what}`])) ?? 0;
  const inBetween = MOVES.filter(([name]) => what === 'amount' || !['increased', 'decreased'].includes(name));
  const first = rows.reduce((found, row) => (row.month < found ? row.month : found), rows[0].month);
  const last = rows.reduce((found, row) => (row.month > found ? row.month : found), rows[0].month);
  return [
    { name: 'opening', level: cents(at(first, 'opening')) },
    ...inBetween.map(([name, sign]) => ({ name, change: sign * cents(sumOf(rows.map((row) => row[`${name}_${what}`])) ?? 0) })),
    { name: 'closing', level: cents(at(last, 'closing')) },
  ];
}

function movements() {
  const rows = chosen('movements');
  if (!rows.length) return [nothing()];
  const of = (what, label) => MOVES_COLUMNS.map(([name, title]) => column(`${name}_${what}`, `${title}${label}`, what === 'amount' ? 'money' : 'count'));
  const keys = MOVES_COLUMNS.flatMap(([name]) => [`${name}_deals`, `${name}_amount`]);
  return [
    notes(notByOwner(), 'By the deal’s pipeline of today and by the day it left the open pipeline, so wins may differ from the metrics above.'),
    make('h3', {}, `Amount, ${about.currency}`),
    waterfall('Open amount from the opening of the period to its closing', movementOf(rows, 'amount'), 'money'),
    make('h3', {}, 'Deals'),
    waterfall('Open deals from the opening of the period to its closing', movementOf(rows, 'deals'), 'count'),
    table('movements', `Movement by month, ${choice.owner ? choice.source || 'all sources' : placeName()}`,
      [column('month', 'Month', 'month'), ...of('amount', `, ${about.currency}`), ...of('deals', ', deals')], grouped(rows, ['month'], keys).sort((a, b) => (a.month < b.month ? -1 : 1))),
  ];
}

const MOVES_COLUMNS = [
  ['opening', 'Opening'], ['created', 'Created'], ['reopened', 'Reopened'], ['increased', 'Increased'], ['decreased', 'Decreased'],
  ['won', 'Won'], ['lost', 'Lost'], ['deleted', 'Deleted'], ['closing', 'Closing'],
];

// ---- flow

const CREATED = '(created)';

function flow() {
  const rows = chosen('flow');
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
    path: row.on_path ? 'on the configured path' : 'off the configured path',
  }));
  const order = (name) => (name === CREATED ? -1 : stageOf.get(keyOf(one.source, one.pipeline, name))?.stage_order ?? 1e6);
  const inStageOrder = (names) => [...new Set(names)].sort((a, b) => order(a) - order(b));
  const off = sumOf(listed.filter((row) => !row.on_path).map((row) => row.transitions)) ?? 0;
  const all = sumOf(listed.map((row) => row.transitions));
  return [
    make('p', { class: 'said' }, `${whole.format(off)} of ${whole.format(all)} changes of stage were on a way that leaves the configured path.`),
    notes(notByOwner(), onlyPipeline(one, listed), choice.from === choice.to ? '' : 'The median days of several months cannot be combined: choose one month to see them.'),
    matrix(`Changes of stage in ${one.pipeline}, from where to where`, cells, inStageOrder(cells.map((cell) => cell.from)), inStageOrder(cells.map((cell) => cell.to))),
    make('p', { class: 'legend muted' }, make('span', { class: 'key on' }), ' on the path  ', make('span', { class: 'key off' }), ' off the path (back, skipped, reopened)  ', make('span', { class: 'key lost' }), ' lost'),
    table('flow', 'Changes of stage in the period',
      [...PLACE, column('from_stage', 'From', 'text'), column('to_stage', 'To', 'text'), column('transitions', 'Times', 'count'), column('amount', `Amount, ${about.currency}`, 'money'),
        column('days_median', 'Median days', 'days'), column('on_path', 'On the path', 'yes')], listed),
  ];
}

// ---- forecast

const SMALL_CHARTS = 6;

function forecast() {
  const ahead = tables.forecast.filter(inPlace);
  const past = tables.backtest.filter((row) => inPlace(row) && inPeriod(row));
  if (!ahead.length) return [nothing()];
  const pipelines = grouped(ahead, ['source', 'pipeline'], ['expected_amount']).sort((a, b) => (b.expected_amount ?? 0) - (a.expected_amount ?? 0));
  const drawnOnes = pipelines.slice(0, SMALL_CHARTS);
  const charts = drawnOnes.map((one) => {
    const earlier = past.filter((row) => row.months_ahead === 1 && samePipeline(one)(row)).map((row) => ({ ...row, actual: row.actual_amount, ahead: false }));
    const later = ahead.filter(samePipeline(one)).map((row) => ({ ...row, actual: null, ahead: true }));
    const rows = [...earlier, ...later].map((row) => ({
      month: row.month, ahead: row.ahead, actual: row.actual, expected: row.expected_amount, low: row.low_amount, high: row.high_amount,
    }));
    return make('div', {}, make('h4', { dir: 'auto' }, `${one.source}: ${one.pipeline}`), forecastChart(`Forecast and what came, ${one.pipeline}`, rows));
  });
  return [
    notes(
      notByOwner(),
      pipelines.length > SMALL_CHARTS ? `The ${SMALL_CHARTS} pipelines with the largest forecast; the table has all.` : '',
      pipelines.length > 1 ? 'Intervals of several pipelines do not add up, so each stands alone.' : '',
    ),
    make('p', { class: 'legend muted' }, make('span', { class: 'key on' }), ' expected, and where four in five should fall  ', make('span', { class: 'key lost' }), ' what was said one month ahead  ', make('span', { class: 'key dot' }), ' what came'),
    make('div', { class: drawnOnes.length > 1 ? 'many' : '' }, ...charts),
    table('forecast', `Forecast, ${about.currency}, of the deals open today`,
      [...PLACE, column('month', 'Month', 'month'), column('open_deals', 'Open deals', 'count'), column('open_amount', 'Open amount', 'money'), column('expected_deals', 'Expected deals', 'decimal'), column('expected_amount', 'Expected', 'money'),
        column('low_amount', 'Low', 'money'), column('high_amount', 'High', 'money'), column('won_so_far_amount', 'Won so far', 'money'), column('crm_amount', 'CRM’s probabilities', 'money')], ahead),
    make('h3', {}, 'How well it did'),
    table('backtest-summary', 'Forecasts of past month-ends against what came, of the months in the period',
      [column('months_ahead', 'Months ahead', 'count'), column('forecasts', 'Forecasts', 'count'), column('within', 'In the interval', 'rate'), column('error', 'Error', 'rate'), column('bias', 'Bias', 'rate'),
        ...NAIVE.flatMap(([key, label]) => [column(`${key}_n`, `${label}: forecasts`, 'count'), column(`${key}_ours`, 'ours on those', 'rate'), column(key, 'its error', 'rate')])],
      backtestSummary(past), true),
    table('backtest', 'Every forecast of a past month-end',
      [...PLACE, column('forecast_on', 'Forecast on', 'day'), column('month', 'Month', 'month'), column('months_ahead', 'Months ahead', 'count'), column('expected_amount', 'Expected', 'money'),
        column('low_amount', 'Low', 'money'), column('high_amount', 'High', 'money'), column('actual_amount', 'Came', 'money'), column('error', 'Error', 'money'), column('is_within_interval', 'In the interval', 'yes')], past),
  ];
}

const NAIVE = [['trailing_mean_amount', 'Trailing mean'], ['last_year_amount', 'Last year'], ['crm_amount', 'CRM’s probabilities']];

/** Errors by months ahead: the sum of absolute errors over the sum of what came, as docs/forecast.md has them. */
function backtestSummary(rows) {
  const known = rows.filter((row) => row.expected_amount !== null);
  const error = (some, key) => ratio(sumOf(some.map((row) => Math.abs(row[key] - row.actual_amount))), sumOf(some.map((row) => row.actual_amount)));
  return [...new Set(known.map((row) => row.months_ahead))].sort((a, b) => a - b).map((ahead) => {
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
      Object.assign(row, { [`${key}_n`]: both.length, [`${key}_ours`]: error(both, 'expected_amount'), [key]: error(both, key) });
    }
    return row;
  });
}

// ---- hygiene

const SCORED = ['open_deals', 'clean_deals', 'open_amount', 'clean_amount'];

function hygiene() {
  const daily = choice.owner ? tables.owner_scores.filter((row) => ofOwner(row) && inPlace(row)) : tables.scores.filter(inPlace);
  const days = grouped(daily, ['date_day'], SCORED)
    .map((row) => ({ ...row, score: ratio(row.clean_deals, row.open_deals), score_by_amount: ratio(row.clean_amount, row.open_amount) }))
    .sort((a, b) => (a.date_day < b.date_day ? -1 : 1));
  const latest = days.at(-1);
  const violations = (choice.owner ? tables.owner_violations.filter(ofOwner) : tables.violations).filter(inPlace);
  const rules = grouped(violations, ['rule', 'severity'], ['violations'])
    .sort((a, b) => b.violations - a.violations)
    .map((row) => ({ ...row, says: carried.rules[row.rule]?.says ?? null, why: carried.rules[row.rule]?.why || null }));
  const score = latest ? `${shown(latest.score, 'rate')} of ${whole.format(latest.open_deals)} open deals are clean, ${shown(latest.score_by_amount, 'rate')} by amount.` : 'No open deals to score.';
  return [
    make('p', { class: 'said' }, score),
    notes('Score and lists are those of the nights that were published, whatever the period.', choice.owner ? 'By owner the score goes back a month.' : ''),
    make('div', { class: 'pair' },
      make('div', {}, make('h3', {}, 'Clean share of open deals'), days.length ? scoreChart(days) : nothing(),
        table('scores', 'Hygiene score by published night',
          [column('date_day', 'Day', 'day'), column('open_deals', 'Open deals', 'count'), column('clean_deals', 'Clean', 'count'), column('score', 'Score', 'rate'), column('open_amount', 'Open amount', 'money'),
            column('clean_amount', 'Clean amount', 'money'), column('score_by_amount', 'Score by amount', 'rate')], days)),
      make('div', {}, make('h3', {}, 'Open violations by rule'),
        rules.length
          ? bars('Open violations by rule', rules.slice(0, 12).map((row) => ({ name: row.rule, value: row.violations, text: whole.format(row.violations), tip: row.severity, tone: row.severity === 'info' ? 'faint' : row.severity === 'critical' ? 'bad' : 'plain' })), { title: 'open violations' })
          : nothing(),
        table('rules', 'Open violations by rule', [column('rule', 'Rule', 'text'), column('severity', 'Severity', 'text'), column('violations', 'Open', 'count'), column('says', 'What it asks', 'text'), column('why', 'Why it matters', 'text')], rules))),
    ...owners(),
  ];
}

function owners() {
  const listed = tables.offenders.filter((row) => inPlace(row) && ofOwner(row));
  const names = new Map(listed.map((row) => [row.owner_key, row.owner_name]));
  const scores = new Map(
    grouped(tables.owner_scores.filter((row) => row.date_day === lastScoreDay && inPlace(row)), ['owner_key'], SCORED).map((row) => [row.owner_key, ratio(row.clean_deals, row.open_deals)]),
  );
  const rows = grouped(listed, ['owner_key', 'source'], ['records', 'violations', 'amount_at_stake'])
    .map((row) => ({ ...row, owner_name: names.get(row.owner_key) ?? '(nobody)', score: scores.get(row.owner_key) ?? null }))
    .sort((a, b) => b.records - a.records);
  const worst = tables.worst_records.filter((row) => inPlace(row) && ofOwner(row)).map((row) => ({ ...row, owner_name: row.owner_name ?? '(nobody)' }));
  return [
    make('h3', {}, 'Whose records'),
    rows.length
      ? bars('Records to mend by owner, most first', rows.slice(0, 12).map((row) => ({ name: `${row.owner_name} (${row.source})`, value: row.records, text: whole.format(row.records), tip: `${whole.format(row.violations)} violations` })), { title: 'records to mend', limit: 240 })
      : nothing(),
    table('owners', 'Records with open warnings, by owner',
      [column('owner_name', 'Owner', 'text'), SOURCE, column('records', 'Records', 'count'), column('violations', 'Violations', 'count'), column('amount_at_stake', 'Amount at stake', 'money'), column('score', 'Clean share of open deals', 'rate')], rows),
    table('worst-records', 'The worst records of each owner: the top of each worklist',
      [column('owner_name', 'Owner', 'text'), column('place', 'Place', 'count'), column('record_name', 'Name', 'text'), column('record_key', 'Record', 'text'), column('entity', 'Kind', 'text'), column('amount_at_stake', 'Amount at stake', 'money'),
        column('severity', 'Severity', 'text'), column('messages', 'What to mend', 'text'), column('first_seen_on', 'Since', 'day')], worst),
  ];
}

const lastScoreDay = tables.owner_scores.reduce((last, row) => (row.date_day > last ? row.date_day : last), '');

// ---- freshness and balance

const BALANCE = ['files', 'rows_in_file', 'rows_rejected', 'rows_loaded', 'rows_forgotten', 'current_rows', 'superseded', 'quarantined', 'balance'];

function freshness() {
  const ofSource = (row) => !choice.source || row.source === choice.source;
  const feeds = tables.deliveries.filter(ofSource);
  const rows = tables.balance.filter(ofSource);
  const sum = Object.fromEntries(BALANCE.map((name) => [name, sumOf(rows.map((row) => row[name])) ?? 0]));
  const balanced = sum.balance === 0 && rows.every((row) => row.balance === 0);
  const aged = feeds.filter((row) => row.age_hours !== null);
  return [
    make('p', { class: 'said' },
      `${whole.format(sum.rows_in_file)} rows in ${whole.format(sum.files)} files: ${whole.format(sum.rows_loaded)} loaded, ${whole.format(sum.rows_rejected)} rejected, ${whole.format(sum.rows_forgotten)} forgotten. ` +
      `Of the loaded, ${whole.format(sum.current_rows)} are current, ${whole.format(sum.superseded)} superseded, ${whole.format(sum.quarantined)} in quarantine. ${balanced ? 'Every row is accounted for.' : `${whole.format(sum.balance)} rows are unaccounted for.`}`),
    notes('As of this run, whatever the period.', choice.pipeline || choice.owner ? 'Deliveries are of a source, not of a pipeline or owner.' : ''),
    aged.length
      ? ages('Hours since the newest loaded delivery of each feed, by source', aged.map((row) => ({
        name: row.source, value: row.age_hours, feed: `${row.feed} (${row.entity})`, wrong: wrong(row) ? 'something is wrong' : 'as it should be',
        tip: withUnit(row.age_hours, 'hours'),
      })))
      : nothing(),
    make('ul', { class: 'wrong' }, ...feeds.filter(wrong).slice(0, 12).map((row) => make('li', { dir: 'auto' }, `${row.source}, ${row.feed}: ${row.said ?? row.newest_state}`))),
    table('deliveries', 'The newest delivery of each feed',
      [SOURCE, column('feed', 'Feed', 'text'), column('entity', 'Kind', 'text'), column('loaded_extracted_at', 'Newest loaded', 'moment'), column('age_hours', 'Hours old', 'hours'), column('newest_state', 'Newest delivered', 'text'),
        column('deliveries', 'Deliveries loaded', 'count'), column('said', 'What is wrong', 'text')], feeds),
    table('balance', 'What became of every row',
      [SOURCE, column('feed', 'Feed', 'text'), column('entity', 'Kind', 'text'), column('files', 'Files', 'count'), column('rows_in_file', 'Rows in files', 'count'), column('rows_rejected', 'Rejected', 'count'), column('rows_loaded', 'Loaded', 'count'),
        column('rows_forgotten', 'Forgotten', 'count'), column('current_rows', 'Current', 'count'), column('superseded', 'Superseded', 'count'), column('quarantined', 'Quarantined', 'count'), column('balance', 'Balance', 'count')], rows),
  ];
}

function wrong(row) {
  return row.said !== null || row.newest_state !== 'loaded';
}

// ---- the page

/** Terms of a mart's columns: pairs of column and label. */
function terms(mart, ...pairs) {
  return pairs.map(([name, label]) => [label, mart, name]);
}

const SECTIONS = [
  {
    id: 'headline', title: 'Last complete month', body: headline,
    lead: 'The last month that is over, against the month before and the goals.',
    definitions: () => [
      definition(
        [
          ...TERMS.map((term) => [term.label, term.key.startsWith('closing') ? 'mart_pipeline_movements' : 'mart_monthly_metrics', term.key]),
          ...terms('mart_goals', ['target', 'Target'], ['actual', 'Actual'], ['attainment', 'Attainment'], ['is_more_better', 'More is better']),
        ],
        'mart_monthly_metrics',
      ),
    ],
  },
  {
    id: 'funnel', title: 'Funnel', body: funnel,
    lead: 'Of what was created in the period: how much came how far, and where it was lost. Young cohorts are still on their way.',
    definitions: () => [definition(terms('mart_funnel', ['created', 'Created'], ['reached', 'Came this far'], ['conversion_from_previous', 'Of the step before'], ['dropped', 'Lost here'], ['ended', 'No longer here'], ['drop_off_rate', 'Drop-off']), 'mart_funnel')],
  },
  {
    id: 'trend', title: 'Win rate and velocity', body: trend,
    lead: 'Month by month. A hollow point is a month that is not over.',
    definitions: () => [definition(terms('mart_monthly_metrics', ['win_rate', 'Win rate'], ['opportunity_win_rate', 'Qualified win rate'], ['deals_worked', 'Deals worked'], ['avg_deal_size', 'Average deal size'], ['sales_cycle_days', 'Sales cycle'], ['pipeline_velocity_per_day', 'Velocity per day']), 'mart_monthly_metrics')],
  },
  {
    id: 'time-in-stage', title: 'Time in stage', body: timeInStage,
    lead: 'How long deals stay, with those still there counted right. Figures of ended stays alone are too short.',
    definitions: () => [definition(terms('mart_time_in_stage', ['visits', 'Stays'], ['days_in_stage_km_median', 'Median'], ['days_in_stage_km_median_low', 'from'], ['days_in_stage_km_median_high', 'to'], ['days_in_stage_km_p90', '90 % left'], ['days_in_stage_median', 'Median, ended only'], ['days_in_stage_mean', 'Mean, ended only']), 'mart_time_in_stage')],
  },
  {
    id: 'movements', title: 'Movement of the pipeline', body: movements,
    lead: 'From what was open when the period began to what is open at its end.',
    definitions: () => [definition(terms('mart_pipeline_movements', ...MOVES_COLUMNS.flatMap(([name, label]) => [[`${name}_deals`, `${label}, deals`], [`${name}_amount`, `${label}, amount`]])), 'mart_pipeline_movements')],
  },
  {
    id: 'flow', title: 'Flow between stages', body: flow,
    lead: 'Which stage leads to which, and how often.',
    definitions: () => [definition(terms('mart_stage_flow', ['transitions', 'Times'], ['amount', 'Amount'], ['days_median', 'Median days'], ['is_on_path', 'On the path']), 'mart_stage_flow')],
  },
  {
    id: 'forecast', title: 'Forecast', body: forecast,
    lead: 'What the deals open today are expected to bring, and what such forecasts were worth. Deals yet to be created are in no figure.',
    definitions: () => [
      definition(terms('mart_forecast', ['expected_deals', 'Expected deals'], ['expected_amount', 'Expected'], ['low_amount', 'Low'], ['high_amount', 'High'], ['won_so_far_amount', 'Won so far'], ['crm_amount', 'CRM’s probabilities']), 'mart_forecast'),
      definition(terms('mart_forecast_backtest', ['actual_amount', 'Came'], ['error', 'Error'], ['is_within_interval', 'In the interval'], ['last_year_amount', 'Last year'], ['trailing_mean_amount', 'Trailing mean']), 'mart_forecast_backtest'),
    ],
  },
  {
    id: 'hygiene', title: 'Hygiene', body: hygiene,
    lead: 'How much of the open pipeline is clean, what is not, and whose it is.',
    definitions: () => [
      definition(terms('hygiene_scores', ['open_deals', 'Open deals'], ['clean_deals', 'Clean'], ['score', 'Score'], ['score_by_amount', 'Score by amount']), 'hygiene_scores'),
      definition(terms('worklists', ['place', 'Place'], ['amount_at_stake', 'Amount at stake'], ['severity', 'Severity'], ['messages', 'What to mend'], ['first_seen_on', 'Since']), 'worklists'),
    ],
  },
  {
    id: 'freshness', title: 'Freshness and balance', body: freshness,
    lead: 'How old the data is, and what became of every row that was delivered.',
    definitions: () => [
      definition(terms('deliveries', ['extracted_at', 'Extracted'], ['state', 'State']), 'deliveries'),
      definition(terms('row_accounting', ['rows_in_file', 'Rows in files'], ['rows_rejected', 'Rejected'], ['rows_loaded', 'Loaded'], ['rows_forgotten', 'Forgotten'], ['current_rows', 'Current'], ['superseded', 'Superseded'], ['quarantined', 'Quarantined'], ['balance', 'Balance']), 'row_accounting'),
    ],
  },
];
