// How the open pipeline came from its opening to its closing.

const MOVES = [
  ['created', 1],
  ['reopened', 1],
  ['increased', 1],
  ['decreased', -1],
  ['won', -1],
  ['lost', -1],
  ['deleted', -1],
  ['merged', 1],
];

/** A period's movement: opening of its first month, closing of its last, what happened between added up. */
function movementOf(rows, what) {
  const at = (month, name) =>
    sumOf(rows.filter((row) => row.month === month).map((row) => row[`${name}_${what}`])) ?? 0;
  const inBetween = MOVES.filter(([name]) => what === 'amount' || !['increased', 'decreased'].includes(name));
  const first = rows.reduce((found, row) => (row.month < found ? row.month : found), rows[0].month);
  const last = rows.reduce((found, row) => (row.month > found ? row.month : found), rows[0].month);
  return [
    { name: 'opening', level: cents(at(first, 'opening')) },
    ...inBetween
      .map(([name, sign]) => ({
        name,
        change: sign * cents(sumOf(rows.map((row) => row[`${name}_${what}`])) ?? 0),
      }))
      .filter((step) => step.change),
    { name: 'closing', level: cents(at(last, 'closing')) },
  ];
}

function movements() {
  const rows = chosen('movements');
  if (!rows.length) return [nothing()];
  const of = (what, label) =>
    MOVES_COLUMNS.map((name) =>
      column(`${name}_${what}`, `${moveLabel(name)}${label}`, what === 'amount' ? 'money' : 'count'),
    );
  const keys = MOVES_COLUMNS.flatMap((name) => [`${name}_deals`, `${name}_amount`]);
  return [
    notes(
      notByOwner(),
      'By the deal’s pipeline of today and the day it left the open ones: wins may differ from the metrics above.',
    ),
    make('h3', {}, `Amount, ${about.currency}`),
    waterfall('Open amount from the opening of the period to its closing', movementOf(rows, 'amount'), 'money'),
    make('h3', {}, 'Deals'),
    waterfall('Open deals from the opening of the period to its closing', movementOf(rows, 'deals'), 'count'),
    table(
      'movements',
      `Movement by month, ${choice.owner || choice.field ? choice.source || 'all sources' : placeName()}`,
      [column('month', 'Month', 'month'), ...of('amount', `, ${about.currency}`), ...of('deals', ', deals')],
      grouped(rows, ['month'], keys).sort((a, b) => (a.month < b.month ? -1 : 1)),
    ),
  ];
}

const MOVES_COLUMNS = ['opening', ...MOVES.map(([name]) => name), 'closing'];

/** Deals and amount of one movement go by the same name. */
function moveLabel(name) {
  return figure(`${name}_amount`, 'mart_pipeline_movements').label;
}

const MOVEMENTS_SECTION = {
  id: 'movements',
  title: 'Movement of the pipeline',
  body: movements,
  lead: 'From what was open when the period began to what is open at its end.',
  definitions: () => [
    definition(
      terms(
        'mart_pipeline_movements',
        ...MOVES_COLUMNS.flatMap((name) => [
          [`${name}_deals`, `${moveLabel(name)}, deals`],
          [`${name}_amount`, `${moveLabel(name)}, amount`],
        ]),
      ),
      'mart_pipeline_movements',
    ),
  ],
};
