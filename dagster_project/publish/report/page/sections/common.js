// What the sections share: columns, notes, definitions.

const SOURCE = { key: 'source', label: 'Source', kind: 'text' };
const PIPELINE = { key: 'pipeline', label: 'Pipeline', kind: 'text' };
const PLACE = [SOURCE, PIPELINE];

function column(key, label, kind) {
  return { key, label, kind };
}

/** Figures of a mart as columns, under their own headings. */
function figureColumns(keys, mart) {
  return keys.map((key) => figure(key, mart)).map((one) => column(one.key, one.heading, one.unit));
}

function placeName() {
  if (choice.owner === UNASSIGNED) return 'unassigned records';
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

/** Terms of a mart's columns: pairs of column and label. */
function terms(mart, ...pairs) {
  return pairs.map(([name, label]) => [label, mart, name]);
}
