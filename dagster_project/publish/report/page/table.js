// Elements, tables that sort and export, and definitions. Text from the data is only ever set as text.

/** An element with attributes and children; a child that is no element becomes text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * A table in a fold, filled when it is opened. Columns are {key, label, kind}; of a rate, `n` names the column of how many
 * it is a share of; of a text, `open` is what a click on it does, `link` where it leads, `outside` where it is in the CRM. An order once chosen
 * stays.
 */
const orders = new Map();

function table(id, caption, columns, rows, open = false) {
  const body = make('tbody');
  const heads = columns.map((column) => {
    const button = make('button', { type: 'button', onclick: () => sortBy(column.key) }, column.label);
    return make('th', { scope: 'col', class: NUMERIC.has(column.kind) ? 'number' : 'words' }, button);
  });
  const element = make(
    'table',
    { id: `table-${id}` },
    make('caption', {}, caption),
    make('thead', {}, make('tr', {}, ...heads)),
    body,
  );

  function sortBy(key) {
    const before = orders.get(id);
    const kind = columns.find((column) => column.key === key).kind;
    const first = NUMERIC.has(kind) ? 'descending' : 'ascending';
    const other = first === 'descending' ? 'ascending' : 'descending';
    orders.set(id, { key, direction: before && before.key === key && before.direction === first ? other : first });
    fill();
  }

  function fill() {
    const order = orders.get(id);
    columns.forEach((column, place) => {
      const sorted = order && order.key === column.key;
      if (sorted) heads[place].setAttribute('aria-sort', order.direction);
      else heads[place].removeAttribute('aria-sort');
    });
    body.replaceChildren(
      ...inOrder(rows, order).map((row) => make('tr', {}, ...columns.map((column) => cell(row, column)))),
    );
  }

  const exported = () => download(`${id}.csv`, toCsv(columns, inOrder(rows, orders.get(id))));
  return make(
    'details',
    {
      class: 'table',
      open: open ? '' : null,
      ontoggle: (event) => event.target.open && !body.hasChildNodes() && fill(),
    },
    make('summary', {}, `Table: ${caption} (${whole.format(rows.length)} ${rows.length === 1 ? 'row' : 'rows'})`),
    make('button', { type: 'button', class: 'export', onclick: exported }, 'Save as CSV'),
    make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, element),
  );
}

function cell(row, column) {
  const value = row[column.key];
  const kind = row.kinds && row.kinds[column.key] ? row.kinds[column.key] : column.kind;
  const n = column.n ? row[column.n] : null;
  const element = make('td', { class: NUMERIC.has(kind) ? 'number' : `words ${kind}` }, written(row, column, kind));
  if (n !== null && n !== undefined && value !== null) {
    element.dataset.n = whole.format(n);
    if (n < FEW) element.classList.add('few');
  }
  element.dataset.value = JSON.stringify(value === undefined ? null : value);
  element.dataset.key = column.key;
  if (kind === 'text') element.dir = 'auto';
  return element;
}

function written(row, column, kind) {
  const text = shown(row[column.key], kind);
  if (column.link || column.outside) return linked(text, column.link?.(row), column.outside?.(row));
  if (column.open && row.opens !== false && row[column.key] !== null)
    return make('button', { type: 'button', class: 'opens', onclick: () => column.open(row) }, text);
  return text;
}

/** A name that leads to a page beside this one, to the CRM's, or to both: then the CRM is a mark behind it. */
function linked(text, inside, outside) {
  const way = { target: '_blank', rel: 'noopener noreferrer' };
  if (!inside && !outside) return text;
  if (!inside) return make('a', { href: outside, ...way }, text);
  const name = make('a', { href: inside, ...way }, text);
  if (!outside) return name;
  const crm = make('a', { href: outside, class: 'crm', 'aria-label': `${text} in the CRM`, ...way }, 'CRM\u00a0↗');
  return make('span', {}, name, ' ', crm);
}

/** NULLs come last whatever the direction; rows that are equal keep their order. */
function inOrder(rows, order) {
  if (!order) return rows;
  const sign = order.direction === 'ascending' ? 1 : -1;
  return [...rows].sort((one, other) => {
    const [a, b] = [one[order.key], other[order.key]];
    const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
    if (noA || noB) return noA - noB;
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en'));
  });
}

/** A text that a spreadsheet would take for a formula is quoted with an apostrophe. */
function toCsv(columns, rows) {
  const field = (value) => {
    if (value === null || value === undefined) return '';
    if (typeof value === 'number') return String(value);
    const text = /^[\s]*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return `"${text.replaceAll('"', '""')}"`;
  };
  const lines = [
    columns.map((column) => field(column.key)),
    ...rows.map((row) => columns.map((column) => field(row[column.key]))),
  ];
  return `\ufeff${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  make('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** What columns mean, in the words of the published tables: [label, table, column] each. */
function definition(terms, mart) {
  const list = make('dl');
  for (const [label, name, column] of terms) {
    const text = (carried.definitions[name] || {})[column];
    if (text) list.append(make('dt', {}, label), make('dd', {}, text));
  }
  return make(
    'details',
    { class: 'definition' },
    make('summary', {}, `Definition: ${mart}`),
    make('p', {}, (carried.definitions[mart] || {})[''] || ''),
    list,
    make(
      'p',
      { class: 'muted' },
      `From ${mart}; every metric is defined on the page `,
      about.has_docs ? make('a', { href: '../docs/metrics.html' }, 'Metric dictionary') : 'Metric dictionary',
      about.has_docs ? '.' : ' of the site that “dealtrail docs” writes.',
    ),
  );
}
