// The last complete month against the month before, and the goals.

/** The figures of the headline: those of a pipeline's movements stand in a mart of their own. */
const TERMS = carried.headline.listed.map((key) =>
  figure(key, key.startsWith('closing') ? 'mart_pipeline_movements' : 'mart_monthly_metrics'),
);
const BETTER = { more: 1, less: -1, neither: 0 };

/** Open deals and amount at each month's end: they add up over pipelines. Owners have none. */
function closingByMonth() {
  if (choice.owner || choice.field) return new Map();
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

/** Goals of the chosen owner; of a whole pipeline, where one pipeline is all that is shown. */
function goalsOf(month) {
  if (choice.field) return new Map();
  if (choice.owner) return new Map(ownersGoals(month).map((row) => [row.goal, row]));
  const pipelines = tables.pipelines.filter(inPlace);
  if (pipelines.length !== 1) return new Map();
  const rows = tables.goals.filter(
    (row) => row.month === month && row.stage === null && samePipeline(pipelines[0])(row),
  );
  return new Map(rows.map((row) => [row.goal, row]));
}

function ownersGoals(month) {
  return tables.owner_goals
    .filter((row) => row.month === month && row.owner_key === choice.owner)
    .map((row) => ({ ...row, source: choice.source, pipeline: null, stage: null }));
}

/** A change as people say it: rates in points, the rest in per cent. */
function change(term, now, before) {
  if (now === null || before === null || now === undefined || before === undefined) return null;
  if (term.unit === 'rate')
    return { text: `${signed(tenth.format((now - before) * 100))} points`, sign: Math.sign(now - before) };
  if (!before || isSmall(term, before) || Math.abs(now - before) > Math.abs(before))
    return { text: signed(withUnit(now - before, term.unit)), sign: Math.sign(now - before) };
  return {
    text: `${signed(tenth.format(((now - before) / Math.abs(before)) * 100))} %`,
    sign: Math.sign(now - before),
  };
}

/** Shares of a handful are no news: one deal more than one is not +100 %. */
function isSmall(term, before) {
  return term.unit === 'count' && before < FEW;
}

function signed(text) {
  return text.startsWith('-') || text.startsWith('−') || text === '0' ? text.replace('-', '−') : `+${text}`;
}

function tile(term, row, before, goal, history) {
  const delta = change(term, row[term.key], before?.[term.key]);
  const better = BETTER[term.better];
  const tone = !delta || !delta.sign || !better ? 'level' : delta.sign === better ? 'good' : 'bad';
  const isRate = term.unit === 'rate';
  const n = countOf(term, row);
  const few = isRate && n < FEW;
  const arrow = !delta || !delta.sign ? '' : delta.sign > 0 ? '▲ ' : '▼ ';
  return make(
    'div',
    { class: 'tile' },
    make('h3', {}, term.label),
    make(
      'p',
      { class: few ? 'figure few' : 'figure' },
      told(row[term.key], term.unit),
      isRate && row[term.key] !== null ? make('span', { class: 'of' }, ` of ${whole.format(n)}`) : null,
    ),
    make(
      'p',
      { class: `delta ${tone}` },
      delta
        ? delta.sign
          ? `${arrow}${delta.text}`
          : 'as'
        : row[term.key] === null
          ? whyUnknown(term, row)
          : 'nothing before to compare with',
      make('span', { class: 'muted' }, delta ? (delta.sign ? ' on the month before' : ' in the month before') : ''),
    ),
    goal
      ? make(
          'p',
          { class: `goal ${isReached(goal) ? 'good' : 'bad'}` },
          `goal ${withUnit(goal.target, term.unit)} ${isReached(goal) ? '✓ reached' : 'missed'}`,
        )
      : null,
    sparkline(history.map((one) => one[term.key])),
  );
}

/** A ratio of nothing is not 0. */
function whyUnknown(term, row) {
  return term.parts && countOf(term, row) === 0 ? 'nothing to divide by' : 'for this choice';
}

/** What a target can be set for, by name. */
const GOALS = new Map(
  Object.values(carried.figures).flatMap((columns) => Object.entries(columns).filter(([, column]) => column.goal)),
);

function isReached(goal) {
  if (goal.actual === null) return false;
  return goal.is_more_better ? goal.actual >= goal.target : goal.actual <= goal.target;
}

/** A goal in words; one that is a limit says so. */
function wanted(goal) {
  return GOALS.get(goal.goal).label + (goal.is_more_better ? '' : ', at most');
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
    metric: term.heading,
    now: row[term.key],
    before: before?.[term.key] ?? null,
    change: change(term, row[term.key], before?.[term.key])?.text ?? null,
    goal: goals.get(term.key)?.target ?? null,
    now_n: term.unit === 'rate' ? countOf(term, row) : null,
    before_n: term.unit === 'rate' && before ? countOf(term, before) : null,
    kinds: { now: term.unit, before: term.unit, goal: term.unit },
    name: term.key,
  }));
  return [
    make('p', { class: 'said' }, sentence(row, before, month)),
    notes(
      choice.owner ? 'What is open at month’s end is not kept by owner.' : '',
      choice.field ? `What is open at month’s end, leads and spend are not kept by ${choice.field}.` : '',
      choice.pipeline ? 'Leads belong to no pipeline.' : '',
      goals.size || choice.owner || choice.field || !tables.goals.some((one) => one.month === month && inPlace(one))
        ? ''
        : 'Goals are set per pipeline: see below, or choose one pipeline.',
    ),
    make(
      'div',
      { class: 'tiles' },
      ...TERMS.filter((term) => carried.headline.tiles.includes(term.key)).map((term) =>
        tile(term, row, before, goals.get(term.key), history),
      ),
    ),
    table(
      'headline',
      `Metrics of ${shown(month, 'month')}, ${placeName()}`,
      [
        column('metric', 'Metric', 'text'),
        column('now', shown(month, 'month'), 'ratio', { n: 'now_n' }),
        column('before', monthBefore ? shown(monthBefore, 'month') : 'Month before', 'ratio', { n: 'before_n' }),
        column('change', 'Change', 'text'),
        column('goal', 'Goal', 'ratio'),
        column('name', 'In mart_monthly_metrics', 'text'),
      ],
      listed,
    ),
    ...goalBlock(month),
  ];
}

function sentence(row, before, month) {
  const deals = row.deals_won === 1 ? 'deal' : 'deals';
  const won = `${whole.format(row.deals_won)} ${deals} won in ${shown(month, 'month')}`;
  const worth = row.won_amount ? `, worth ${withUnit(row.won_amount, 'money')}` : '';
  const against = before ? `; ${whole.format(before.deals_won)} the month before` : '';
  return `${won}${worth}${against}.`;
}

function goalBlock(month) {
  if (choice.field) return [];
  const rows = (choice.owner ? ownersGoals(month) : tables.goals.filter((row) => row.month === month && inPlace(row))).map(
    (row) => {
      const { unit } = GOALS.get(row.goal);
      return { ...row, unit, reached: isReached(row) ? 1 : 0, kinds: { target: unit, actual: unit } };
    },
  );
  if (!rows.length) return [];
  const named = (row) => [wanted(row), choice.owner ? placeName() : `${row.stage ?? row.pipeline} (${row.source})`].join(' · ');
  const drawnRows = rows.filter((row) => row.attainment !== null).slice(0, 24);
  return [
    make('h3', {}, `Goals of ${shown(month, 'month')}`),
    bars(
      `Attainment of ${drawnRows.length} goals, with a line at 100 %`,
      drawnRows.map((row) => ({
        name: named(row),
        value: row.attainment,
        text: shown(row.attainment, 'rate'),
        tone: row.reached ? 'good' : 'bad',
        tip: [row.actual, row.target].map((value) => withUnit(value, row.unit)).join(' of '),
      })),
      { title: 'actual ÷ target', kind: 'rate', rule: 1, limit: 330 },
    ),
    make(
      'p',
      { class: 'legend muted' },
      make('span', { class: 'key good' }),
      ' reached  ',
      make('span', { class: 'key off' }),
      ' missed  ',
      make('span', { class: 'key rule' }),
      ' the target; of a limit (“at most”) below it is good',
    ),
    table(
      'goals',
      `Goals of ${shown(month, 'month')}`,
      [
        ...PLACE,
        column('stage', 'Stage', 'text'),
        column('goal', 'Goal', 'text'),
        column('target', 'Target', 'ratio'),
        column('actual', 'Actual', 'ratio'),
        column('attainment', 'Attainment', 'rate'),
        column('is_more_better', 'More is better', 'yes'),
        column('reached', 'Reached', 'yes'),
      ],
      rows,
    ),
  ];
}

const HEADLINE_SECTION = {
  id: 'headline',
  title: 'Last complete month',
  body: headline,
  lead: 'The last month that is over, against the month before and the goals.',
  definitions: () => [
    definition(
      [
        ...TERMS.map((term) => [term.label, term.mart, term.key]),
        ...terms(
          'mart_goals',
          ['target', 'Target'],
          ['actual', 'Actual'],
          ['attainment', 'Attainment'],
          ['is_more_better', 'More is better'],
        ),
      ],
      'mart_monthly_metrics',
    ),
  ],
};
