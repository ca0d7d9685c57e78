// The filters, and the page as they leave it.

const SECTIONS = [
  MORNING_SECTION,
  PIPELINE_SECTION,
  QUARTER_SECTION,
  FORECAST_SECTION,
  HEADLINE_SECTION,
  TREND_SECTION,
  FUNNEL_SECTION,
  TIME_IN_STAGE_SECTION,
  MOVEMENTS_SECTION,
  FLOW_SECTION,
  RESTATED_SECTION,
  HYGIENE_SECTION,
  FRESHNESS_SECTION,
];

const selects = Object.fromEntries(
  ['from', 'to', 'source', 'pipeline', 'owner'].map((id) => [id, document.getElementById(id)]),
);

/** A filter for each field, behind the others. */
function addFields() {
  for (const name of about.fields) {
    selects[`field ${name}`] = make('select', { id: `field-${name}` });
    const named = make('label', {}, `${capital(name)} `, selects[`field ${name}`]);
    document.getElementById('reset').before(named);
  }
}

function capital(name) {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
}

/** Sections that tell nothing by field. */
const NOT_BY_FIELD = new Set([
  'forecast',
  'funnel',
  'time-in-stage',
  'movements',
  'flow',
  'hygiene',
  'freshness',
]);

function fillFilters() {
  const option = (value, text) => make('option', { value }, text);
  for (const id of ['from', 'to'])
    selects[id].replaceChildren(...months.map((month) => option(month, shown(month, 'month'))));
  selects.source.replaceChildren(option('', 'all'), ...sources.map((source) => option(source, source)));
  const pipelines = tables.pipelines
    .map((one, place) => [one, place])
    .filter(([one]) => !choice.source || one.source === choice.source);
  selects.pipeline.replaceChildren(
    option('', 'all'),
    ...pipelines.map(([one, place]) =>
      option(String(place), choice.source ? one.pipeline : `${one.source}: ${one.pipeline}`),
    ),
  );
  const owners = tables.owners.filter((one) => !choice.source || one.source === choice.source);
  selects.owner.replaceChildren(
    option('', 'all'),
    ...owners.map((one) => option(one.owner_key, choice.source ? one.owner_name : `${one.owner_name} (${one.source})`)),
    ...(choice.source ? [] : [option(UNASSIGNED, 'unassigned')]),
  );
  selects.from.value = choice.from;
  selects.to.value = choice.to;
  selects.source.value = choice.source;
  selects.pipeline.value = choice.pipeline ? String(tables.pipelines.indexOf(choice.pipeline)) : '';
  selects.owner.value = choice.owner;
  for (const [name, values] of valuesOf) {
    const select = selects[`field ${name}`];
    select.replaceChildren(option('', 'all'), ...values.map((value) => option(value, value)));
    select.value = choice.field === name ? choice.value : '';
  }
}

/** One grain value at a time: an owner is of all pipelines, a pipeline is of all owners, a field's value of all. */
function choose(changed) {
  if (changed !== 'from' && changed !== 'to') Object.assign(choice, { field: '', value: '' });
  if (changed.startsWith('field ')) {
    const value = selects[changed].value;
    Object.assign(choice, { source: '', pipeline: null, owner: '', field: value ? changed.slice(6) : '', value });
  }
  if (changed === 'source') Object.assign(choice, { source: selects.source.value, pipeline: null, owner: '' });
  if (changed === 'pipeline') {
    choice.pipeline = tables.pipelines[Number(selects.pipeline.value || -1)] || null;
    choice.owner = '';
    if (choice.pipeline) choice.source = choice.pipeline.source;
  }
  if (changed === 'owner') {
    choice.owner = selects.owner.value;
    choice.pipeline = null;
    const owner = tables.owners.find((one) => one.owner_key === choice.owner);
    if (owner) choice.source = owner.source;
  }
  if (changed === 'from' || changed === 'to') {
    choice[changed] = selects[changed].value;
    const other = changed === 'from' ? 'to' : 'from';
    if (choice.from > choice.to) choice[other] = choice[changed];
  }
  update();
}

function update() {
  fillFilters();
  writeAddress();
  document
    .getElementById('shown')
    .replaceChildren(`Shown: ${placeName()}, ${shown(choice.from, 'month')} to ${shown(choice.to, 'month')}`);
  for (const section of SECTIONS) {
    const body = document.getElementById(`body-${section.id}`);
    const known = new Map(
      [...body.querySelectorAll('details.table')].map((one) => [one.querySelector('table').id, one.open]),
    );
    const aside =
      choice.field && NOT_BY_FIELD.has(section.id) ? notes(`Not kept by ${choice.field}: this is of all deals.`) : null;
    body.replaceChildren(...[aside, ...section.body()].filter(Boolean));
    for (const one of body.querySelectorAll('details.table'))
      one.open = known.get(one.querySelector('table').id) ?? one.open;
  }
  if (window.vegaEmbed) drawCharts();
}

function start() {
  const newest =
    about.newest === about.as_of.slice(0, 10)
      ? ', the newest moment in the data'
      : about.newest
        ? `, newest record of ${about.newest}`
        : '';
  document.getElementById('as-of').textContent =
    `as of ${about.as_of} (${about.timezone})${newest}, amounts in ${about.currency}`;
  const notices = document.getElementById('notices');
  notices.hidden = !about.notices.length;
  notices.append(...about.notices.map((said) => make('p', {}, said)));
  const alarms = alerts();
  if (alarms) {
    notices.hidden = false;
    notices.append(alarms);
  }
  document.getElementById('foot').textContent =
    'Made by Dealtrail from the tables published with it (pipeline.duckdb, schemas marts and quality). ' +
    `It looks back ${about.months} months` +
    (tables.owners.length < about.owners ? '.' : `, and has the ${about.owners} owners who worked most deals lately.`);
  const main = document.getElementById('content');
  for (const section of SECTIONS) {
    document.getElementById('contents').append(make('a', { href: `#${section.id}` }, section.title));
    main.append(
      make(
        'section',
        { id: section.id, 'aria-labelledby': `title-${section.id}` },
        make('h2', { id: `title-${section.id}` }, section.title),
        make('p', { class: 'lead' }, section.lead),
        make('div', { id: `body-${section.id}` }),
        ...section.definitions(),
      ),
    );
  }
  addFields();
  for (const [id, select] of Object.entries(selects)) select.addEventListener('change', () => choose(id));
  document.getElementById('reset').addEventListener('click', () => {
    resetChoice();
    update();
  });
  document.getElementById('print').addEventListener('click', () => window.print());
  const theme = document.getElementById('theme');
  theme.addEventListener('click', () => {
    const dark = isDark();
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
    theme.textContent = dark ? 'Dark' : 'Light';
  });
  theme.textContent = isDark() ? 'Light' : 'Dark';
  document.getElementById('links').append(...links());
  foldFilters();
  resetChoice();
  readAddress();
  update();
  document.addEventListener('DOMContentLoaded', drawCharts);
}

/** What alerts are about, in the order of their weight, and how many of them that is as words. */
const ALERTS = [
  ['failed_check', (n) => `${counted(n, 'check')} failed`],
  ['delivery_refused', (n) => `${counted(n, 'delivery', 'deliveries')} refused`],
  ['delivery_held_back', (n) => `${counted(n, 'delivery', 'deliveries')} held back`],
  ['late_delivery', (n) => `${counted(n, 'feed')} late`],
  ['unmapped_stage', (n) => `stages nobody named in ${counted(n, 'source')}`],
];

/** Refused and late deliveries, stages without a name, failed checks: one line, and what each of them says in a fold. */
function alerts() {
  const named = new Set(ALERTS.map(([rule]) => rule));
  const of = (rule) => tables.alerts.filter((row) => row.rule === rule);
  const others = tables.alerts.filter((row) => !named.has(row.rule));
  const words = ALERTS.map(([rule, says]) => (of(rule).length ? says(of(rule).length) : null)).filter(Boolean);
  if (others.length) words.push(counted(others.length, 'other warning'));
  if (!words.length) return null;
  const rows = [...ALERTS.flatMap(([rule]) => of(rule)), ...others];
  return make(
    'details',
    { class: 'alerts', id: 'alerts' },
    make('summary', {}, `${words.join(' · ')}`),
    make(
      'ul',
      {},
      ...rows
        .slice(0, 40)
        .map((row) =>
          make('li', { dir: 'auto' }, `${label(row.rule)}${row.source ? `, ${row.source}` : ''}: ${row.message}`),
        ),
    ),
    make('p', {}, make('a', { href: '#freshness' }, 'Freshness and balance'), ' has every feed.'),
  );
}

/** Filters are in a fold where there is little room, and always open where there is. */
function foldFilters() {
  const fold = document.getElementById('filter-fold');
  const little = window.matchMedia('(max-width: 52rem)');
  const set = () => (fold.open = !little.matches);
  little.addEventListener('change', set);
  set();
}

function links() {
  const all = [['../data_docs/index.html', 'Data Docs']];
  if (about.has_owner_pages) all.unshift(['owners/index.html', 'Lists by owner']);
  if (about.has_docs) all.push(['../docs/index.html', 'Documentation']);
  return all.map(([href, text]) => make('a', { href, class: 'elsewhere' }, text));
}

function isDark() {
  const said = document.documentElement.dataset.theme;
  return said ? said === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches;
}

start();
