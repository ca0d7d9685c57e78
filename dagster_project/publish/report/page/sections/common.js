// What the sections share: columns, notes, definitions.

const SOURCE = { key: 'source', label: 'Source', kind: 'text' };
const PIPELINE = { key: 'pipeline', label: 'Pipeline', kind: 'text' };
const PLACE = [SOURCE, PIPELINE];

function column(key, label, kind, more = {}) {
  return { key, label, kind, ...more };
}

/** Figures of a mart as columns, under their own headings. */
function figureColumns(keys, mart) {
  return keys.map((key) => figure(key, mart)).map((one) => column(one.key, one.heading, one.unit));
}

function placeName() {
  if (choice.owner === UNASSIGNED) return 'unassigned records';
  if (choice.owner) return tables.owners.find((one) => one.owner_key === choice.owner).owner_name;
  if (choice.field) return `${choice.field} ${choice.value}`;
  if (choice.pipeline) return `${choice.pipeline.source}: ${choice.pipeline.pipeline}`;
  return choice.source || 'all sources';
}

/** What a chart does not follow, said where it stands. */
function notes(...texts) {
  const said = texts.filter(Boolean);
  return said.length ? make('p', { class: 'note' }, said.join(' ')) : null;
}

function notByOwner() {
  return choice.owner
    ? `Not kept by owner: this is ${choice.source ? `all of ${choice.source}` : 'of all owners'}.`
    : '';
}

function onlyPipeline(one, rows) {
  const several = one && grouped(rows, ['source', 'pipeline'], []).length > 1;
  return several
    ? `The chart shows one pipeline, ${one.source}: ${one.pipeline}; choose another above. The table has them all.`
    : '';
}

function nothing() {
  return make('p', { class: 'note' }, 'Nothing to show for this choice.');
}

function tooLittle(what) {
  return make('p', { class: 'note little' }, `Too little data yet: ${what}`);
}

/** The names that users gave to the stages of a canonical one, of what is shown. */
function ownStages(canonical) {
  const named = tables.stages.filter((row) => row.canonical_stage === canonical && inPlace(row));
  return [...new Set(named.filter((row) => !IMPLICIT.has(row.stage) || named.length === 1).map((row) => row.stage))];
}
const IMPLICIT = new Set(['Won', 'Lost']);

/** A stage with its canonical one, where its name does not say that already. */
function stageName(row) {
  const canonical = stageOf.get(keyOf(row.source, row.pipeline, row.stage))?.canonical_stage;
  return canonical && canonical !== row.stage.toLowerCase() ? `${row.stage} (${canonical.replace('_', '-')})` : row.stage;
}

function ownerName(row) {
  if (row.owner_key === null) return UNASSIGNED;
  if (row.owner_key === OTHERS) return `${row.source}: all other owners`;
  return row.owner_name ?? ownerOf.get(row.owner_key)?.owner_name ?? row.owner_key.slice(row.source.length + 1);
}
/** Names of owners as labels of bars, with their source where two of a list have one name. */
function ownerLabels(rows) {
  const names = rows.map(ownerName);
  return rows.map((row, place) =>
    names.filter((name) => name === names[place]).length > 1 ? `${names[place]} (${row.source})` : names[place],
  );
}
const ownerOf = new Map(tables.owners.map((row) => [row.owner_key, row]));
const OTHERS = '(others)';

/** Today in the reporting timezone, and how far a period of time has come: {day, days}. */
const today = about.as_of.slice(0, 10);
function dayOf(start, months) {
  const [year, month] = start.split('-').map(Number);
  const end = new Date(Date.UTC(year, month - 1 + months, 1));
  const days = (one, other) => Math.round((one - other) / 864e5);
  return { day: days(utc(today), utc(start)) + 1, days: days(end, utc(start)), end: end.toISOString().slice(0, 10) };
}

/** Terms of a mart's columns: pairs of column and label. */
function terms(mart, ...pairs) {
  return pairs.map(([name, label]) => [label, mart, name]);
}
