// What the page carries, as rows, and what of it a choice of period, source, pipeline and owner leaves.

const carried = JSON.parse(document.getElementById('data').textContent);
const about = carried.about;

/** The rows of a table, from its columns: texts are stored once, and named by their place. */
function rowsOf(name) {
  const table = carried.tables[name];
  const columns = Object.entries(table.columns).map(([column, values]) => [
    column,
    Array.isArray(values) ? values : values.codes.map((code) => (code === null ? null : values.texts[code])),
  ]);
  return Array.from({ length: table.rows }, (_, place) =>
    Object.fromEntries(columns.map(([column, values]) => [column, values[place]])),
  );
}

/** Tables by name, each made into rows when it is first asked for: those of owners are not before one is chosen. */
const tables = {};
for (const name of Object.keys(carried.tables)) {
  let rows = null;
  Object.defineProperty(tables, name, { get: () => (rows ??= rowsOf(name)) });
}

const monthly = tables.metrics.filter((row) => row.grain === 'all');
const months = monthly.map((row) => row.month).sort();
const completeMonths = monthly
  .filter((row) => row.is_complete_month)
  .map((row) => row.month)
  .sort();
const sources = [...new Set([...tables.pipelines, ...tables.deliveries].map((row) => row.source))].sort();
const quarterStarts = [...new Set(tables.quarters.map((row) => row.quarter_start))].sort();
const stageOf = new Map(tables.stages.map((row) => [keyOf(row.source, row.pipeline, row.stage), row]));

/** Several values as one key: names may contain any character, so they are not just joined. */
function keyOf(...values) {
  return JSON.stringify(values);
}

/** What is chosen. Owner, pipeline, source and a field are one grain value at a time: the narrowest that is chosen. */
const UNASSIGNED = '(unassigned)';
const NO_VALUE = '(none)';
const choice = {};

/** Rates of fewer are shown grey. */
const FEW = 10;

function resetChoice() {
  const last = completeMonths.length ? completeMonths[completeMonths.length - 1] : months[months.length - 1];
  const place = Math.max(months.indexOf(last), 0);
  Object.assign(choice, {
    from: months[Math.max(place - 11, 0)],
    to: months[months.length - 1],
    source: '',
    pipeline: null,
    owner: '',
    field: '',
    value: '',
    quarter: '',
  });
}

/** The values of a field that deals have, by name; those without one are another. */
const valuesOf = new Map(
  about.fields.map((name) => [
    name,
    [...new Set(tables.metrics.filter((row) => row.grain === name).map((row) => row.grain_value ?? NO_VALUE))].sort(),
  ]),
);

/** The choice as it stands in the address, so that a link shows what its sender saw; what is the default is left out. */
function readAddress() {
  const said = new URLSearchParams(location.search);
  for (const name of ['from', 'to']) if (months.includes(said.get(name))) choice[name] = said.get(name);
  if (choice.from > choice.to) choice.from = choice.to;
  if (sources.includes(said.get('source'))) choice.source = said.get('source');
  const pipeline = tables.pipelines.find(
    (one) => one.source === said.get('source') && one.pipeline === said.get('pipeline'),
  );
  const owner = tables.owners.find((one) => one.owner_key === said.get('owner'));
  if (owner) Object.assign(choice, { source: owner.source, owner: owner.owner_key });
  else if (said.get('owner') === UNASSIGNED) Object.assign(choice, { source: '', owner: UNASSIGNED });
  else if (valuesOf.get(said.get('field'))?.includes(said.get('value')))
    Object.assign(choice, { source: '', field: said.get('field'), value: said.get('value') });
  else if (pipeline) choice.pipeline = pipeline;
  if (quarterStarts.includes(said.get('quarter'))) choice.quarter = said.get('quarter');
}

function writeAddress() {
  const now = { ...choice };
  resetChoice();
  const usual = { ...choice };
  Object.assign(choice, now);
  const said = new URLSearchParams();
  for (const name of ['from', 'to', 'source', 'owner', 'field', 'value', 'quarter'])
    if (choice[name] !== usual[name]) said.set(name, choice[name]);
  if (choice.pipeline) said.set('pipeline', choice.pipeline.pipeline);
  const query = said.toString();
  history.replaceState(null, '', `${location.pathname}${query ? `?${query}` : ''}${location.hash}`);
}

function inPeriod(row) {
  return row.month >= choice.from && row.month <= choice.to;
}

/** Whether a row is of the chosen source and pipeline; a row of no pipeline is in its source only. */
function inPlace(row) {
  if (choice.pipeline) return row.source === choice.pipeline.source && row.pipeline === choice.pipeline.pipeline;
  return !choice.source || row.source === choice.source;
}

function ofOwner(row) {
  return (!choice.owner || row.owner_key === (choice.owner === UNASSIGNED ? null : choice.owner)) && ofField(row);
}

/** Whether a row's deals have the chosen value of a field; a row that says nothing of fields is of all. */
function ofField(row) {
  const key = `field_${choice.field}`;
  return !choice.field || !(key in row) || (row[key] ?? NO_VALUE) === choice.value;
}

function chosen(name) {
  return tables[name].filter((row) => inPlace(row) && (row.month === undefined || inPeriod(row)));
}

/** The grain and its value in mart_monthly_metrics. */
function grain() {
  if (choice.field) return [choice.field, choice.value === NO_VALUE ? null : choice.value];
  if (choice.owner) return ['owner', choice.owner === UNASSIGNED ? null : choice.owner];
  if (choice.pipeline) return ['pipeline', `${choice.pipeline.source}:${choice.pipeline.pipeline}`];
  if (choice.source) return ['source', choice.source];
  return ['all', 'all'];
}

/** The months' metrics of what is chosen, with their ratios, whatever the period. */
function metricRows() {
  const [name, value] = grain();
  return tables.metrics
    .filter((row) => row.grain === name && row.grain_value === value)
    .map(withRatios)
    .sort((a, b) => (a.month < b.month ? -1 : 1));
}

/** A column of a mart as a figure: its label, unit, and whether more of it is better, as the mart's `meta` says it. */
function figure(key, mart = 'mart_monthly_metrics') {
  return { key, mart, ...carried.figures[mart][key] };
}

/** Ratios are divided here from the counts they are made of, so that none is ever summed or averaged. */
function withRatios(row) {
  const sum = (columns) =>
    columns.some((one) => row[one] === null) ? null : columns.reduce((total, one) => total + row[one], 0);
  const ratios = TERMS.filter((term) => term.parts && !(term.key in row));
  return { ...row, ...Object.fromEntries(ratios.map((term) => [term.key, ratio(...term.parts.map(sum))])) };
}

/** How many records a ratio is a share or a mean of; unknown of what is no ratio. */
function countOf(term, row) {
  return term.parts ? sumOf(term.parts[1].map((column) => row[column])) : null;
}

function ratio(numerator, denominator) {
  return numerator === null || denominator === null || !denominator ? null : numerator / denominator;
}

/** The sum of what is known; NULL where nothing is. */
function sumOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

/** Sums of columns by what rows have in common, in the order in which it is met. */
function grouped(rows, keys, summed) {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(...keys.map((name) => row[name]));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups.values()].map((members) => ({
    ...Object.fromEntries(keys.map((name) => [name, members[0][name]])),
    ...Object.fromEntries(summed.map((name) => [name, cents(sumOf(members.map((row) => row[name])))])),
  }));
}

/** Sums of amounts without the dust of binary fractions. */
function cents(value) {
  return value === null || Number.isInteger(value) ? value : Math.round(value * 100) / 100;
}

/** Of rows of several pipelines the one a chart shows, where it can show but one: that with most of something. */
function mainPipeline(rows, weight) {
  const totals = grouped(rows, ['source', 'pipeline'], [weight]);
  return totals.sort((a, b) => b[weight] - a[weight])[0] || null;
}

function samePipeline(one) {
  return (row) => one !== null && row.source === one.source && row.pipeline === one.pipeline;
}
