// The first screen: how the month and the quarter stand, what changed, and what to do about it today.

const TO_DO = 10;
const thisMonth = months.at(-1);
const thisQuarter = quarterStarts.at(-1);

/** In the order in which a sentence tells them. */
const CHANGES = [
  ['created', 'created'],
  ['reopened', 'opened again'],
  ['won', 'won'],
  ['lost', 'lost'],
  ['advanced', 'moved on'],
  ['regressed', 'moved back'],
  ['pushed', 'pushed later'],
  ['pulled in', 'pulled in'],
  ['amount changed', 'with another amount'],
];

function quarterName(row) {
  return `${row.fiscal_year}-Q${row.fiscal_quarter}`;
}

function line(name, ...text) {
  return make('p', { class: 'line' }, make('strong', {}, name), ' ', ...text);
}

/** Goals of one kind for the running month: of an owner, else of the pipelines that have one; {target, actual, of, all}. */
function goalOfMonth(goal) {
  if (choice.field) return null;
  if (choice.owner) {
    const own = tables.owner_goals.find(
      (row) => row.month === thisMonth && row.owner_key === choice.owner && row.goal === goal,
    );
    return own ? { target: own.target, actual: own.actual, of: [], all: 0 } : null;
  }
  const rows = tables.goals.filter(
    (row) => row.month === thisMonth && row.goal === goal && row.stage === null && inPlace(row),
  );
  if (!rows.length) return null;
  return {
    target: cents(sumOf(rows.map((row) => row.target))),
    actual: cents(sumOf(rows.map((row) => row.actual))),
    of: rows,
    all: tables.pipelines.filter(inPlace).length,
  };
}

/** Against a target, which may be of some of the pipelines only: then what those brought is told too. */
function againstTarget(word, verb, { target, actual, of, all }, kind, short = 'to go') {
  const some = of.length < all;
  const where = some ? ` for ${of.length} of ${all} pipelines (${shortList(of.map((row) => row.pipeline))})` : '';
  const there = some ? `${told(actual, kind)} ${verb} there, ` : '';
  const missing = cents(target - (actual ?? 0));
  const left = missing > 0 ? `${withUnit(missing, kind)} ${short}` : 'reached';
  return make(
    'span',
    { class: missing > 0 ? '' : 'good' },
    ` ${word} ${withUnit(target, kind)}${where}: ${there}${left}${target > 0 && missing > 0 ? ` (${share(actual, target)})` : ''}.`,
  );
}

function share(part, of) {
  return part === null ? 'not known' : `${whole.format((part / of) * 100)}\u00a0%`;
}

function shortList(names) {
  return names.length > 2 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}

function monthLine() {
  const row = metricRows().find((one) => one.month === thisMonth);
  const { day, days } = dayOf(thisMonth, 1);
  const won = !row?.deals_won
    ? 'nothing won yet.'
    : `${counted(row.deals_won, 'deal')} won, worth ${told(row.won_amount, 'money')}.`;
  const amount = goalOfMonth('won_amount');
  const deals = goalOfMonth('deals_won');
  const goals = [
    amount && againstTarget('Goal', 'won', amount, 'money'),
    !amount && deals && againstTarget('Goal in deals', 'won', deals, 'count'),
  ].filter(Boolean);
  return line(
    `${shown(thisMonth, 'month')}, day ${day} of ${days}:`,
    won,
    ...(goals.length ? goals : [make('span', { class: 'muted' }, ' No goal is set for it.')]),
  );
}

/** The running quarter of what is chosen: its row, and the target with what is expected where one is set. */
function quarterNow() {
  const [name, value] = grain();
  const ofQuarter = tables.quarters.filter((row) => row.quarter_start === thisQuarter);
  const row = ofQuarter.find((one) => one.grain === name && one.grain_value === value);
  if (!row) return null;
  const places = new Map(tables.pipelines.filter(inPlace).map((one) => [`${one.source}:${one.pipeline}`, one]));
  const aimed = ofQuarter.filter(
    (one) => one.grain === 'pipeline' && one.target !== null && places.has(one.grain_value) && !choice.owner,
  );
  const target = choice.owner
    ? row.target === null
      ? null
      : { target: row.target, actual: row.outlook_amount, of: [], all: 0 }
    : aimed.length
      ? {
          target: cents(sumOf(aimed.map((one) => one.target))),
          actual: cents(sumOf(aimed.map((one) => one.outlook_amount))),
          of: aimed.map((one) => places.get(one.grain_value)),
          all: places.size,
        }
      : null;
  return { row, target };
}

/** Open deals of what is chosen, and of how many somebody knows the odds. */
function oddsKnown() {
  const rows = tables.open_now.filter((row) => inPlace(row) && ofOwner(row));
  return { open: sumOf(rows.map((row) => row.open_deals)) ?? 0, known: sumOf(rows.map((row) => row.with_odds)) ?? 0 };
}

function quarterLine() {
  const now = quarterNow();
  if (!now) return null;
  const { row, target } = now;
  const { day, days } = dayOf(thisQuarter, 3);
  const { open, known } = oddsKnown();
  const outlook =
    open && !known
      ? `how it will end is not known yet: no deal like the ${whole.format(open)} open ones was followed so far. ` +
        `${withUnit(row.won_amount, 'money')} is won, ${withUnit(row.open_due_amount, 'money')} is due in it.`
      : `${withUnit(row.outlook_amount, 'money')} expected in all (four in five times between ` +
        `${withUnit(row.outlook_low, 'money')} and ${withUnit(row.outlook_high, 'money')}), of which ` +
        `${withUnit(row.won_amount, 'money')} is won; ${withUnit(row.open_due_amount, 'money')} is due in it.` +
        (known < open ? ` Of ${counted(open - known, 'open deal')} the odds are not known.` : '');
  return line(
    `Quarter ${quarterName(row)}, day ${day} of ${days}:`,
    outlook,
    target
      ? open && !known
        ? make('span', {}, ` Target ${withUnit(target.target, 'money')}.`)
        : againstTarget('Target', 'expected', target, 'money', 'short')
      : make('span', { class: 'muted' }, ' No target is set for it.'),
  );
}

/** Counts of a day's changes as words; a change nobody told of is left out. */
function changesSaid(rows) {
  return CHANGES.map(([change, words]) => {
    const own = rows.filter((row) => row.change === change);
    const deals = sumOf(own.map((row) => row.deals));
    const amount = cents(sumOf(own.map((row) => row.amount)));
    const worth = ['created', 'won', 'lost'].includes(change) && amount ? ` (${withUnit(amount, 'money')})` : '';
    return deals ? `${whole.format(deals)} ${words}${worth}` : null;
  })
    .filter(Boolean)
    .join(', ');
}

const yesterday = new Date(utc(today) - 864e5).toISOString().slice(0, 10);

function changeLine() {
  const rows = tables.changes.filter((row) => inPlace(row) && ofOwner(row));
  const fresh = rows.filter((row) => row.day >= yesterday);
  if (fresh.length) return line('Since yesterday:', `${changesSaid(fresh)}.`);
  const last = rows.reduce((found, row) => (row.day > found ? row.day : found), '');
  if (!last) return line('Since yesterday:', `nothing changed, nor since ${shown(changesSince, 'day')}.`);
  return line(
    'Since yesterday:',
    `nothing changed. On ${shown(last, 'day')}, the last day that tells of any: `,
    `${changesSaid(rows.filter((row) => row.day === last))}.`,
  );
}

/** Changes are counted from then on. */
const changesSince = new Date(utc(today) - about.change_days * 864e5).toISOString().slice(0, 10);

function changedDeals() {
  const rows = tables.changed_deals.filter((row) => inPlace(row) && ofOwner(row));
  const words = new Map(CHANGES);
  rows.sort((a, b) => (a.day === b.day ? (b.amount ?? -1) - (a.amount ?? -1) : a.day < b.day ? 1 : -1));
  return rows.map((row) => ({
    ...row,
    change: words.get(row.change) ?? row.change,
    name: row.deal_name ?? row.deal_key,
    owner: ownerName(row),
  }));
}

function toDo() {
  return tables.deals
    .filter((row) => inPlace(row) && ofOwner(row) && row.reason_ids !== null)
    .sort((a, b) => a.place - b.place)
    .slice(0, TO_DO)
    .map(dealRow);
}

function toDoItem(row) {
  const name = row.name;
  const facts = [
    row.owner,
    `${row.stage}, ${row.source}`,
    row.expected_close_on === null ? 'no expected close' : `due ${shown(row.expected_close_on, 'day')}`,
    `odds ${row.p_won === null ? 'not known' : `${whole.format(row.p_won * 100)}\u00a0%`}` +
      (row.p_won !== null && row.compared_deals < FEW ? ' (of few deals like it)' : ''),
  ];
  return make(
    'li',
    {},
    make(
      'p',
      { class: 'what' },
      make('span', { class: 'name', dir: 'auto' }, linked(name, dealPage(row), dealAddress(row))),
      make('span', { class: 'amount' }, row.amount === null ? 'amount not known' : withUnit(row.amount, 'money')),
    ),
    make('p', { class: 'muted facts', dir: 'auto' }, facts.join(' · ')),
    make('p', { class: 'why', dir: 'auto' }, upperFirst(row.reasons)),
  );
}

function upperFirst(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function morning() {
  if (!thisMonth) return [nothing()];
  const rows = toDo();
  const changed = changedDeals();
  const changedOf = sumOf(tables.changes.filter((row) => inPlace(row) && ofOwner(row)).map((row) => row.deals)) ?? 0;
  const { open } = oddsKnown();
  return [
    make('div', { class: 'lines' }, monthLine(), quarterLine(), changeLine()),
    make('h3', {}, 'Do this morning'),
    rows.length
      ? make('ol', { class: 'todo' }, ...rows.map(toDoItem))
      : make(
          'p',
          { class: 'note' },
          open ? 'Nothing: of no open deal shown is anything to be said.' : 'No deals are open here.',
        ),
    notes(
      rows.length
        ? 'Open deals with something to do about them, those first of whose amount most can still go either way: ' +
            'amount × odds × (1 − odds).'
        : '',
      ...(open ? about.left_out_odds : []),
    ),
    table('do-this-morning', 'Do this morning', DEAL_COLUMNS, rows),
    changedOf > changed.length
      ? notes(`Of ${whole.format(changedOf)} changes the table names ${whole.format(changed.length)}.`)
      : null,
    table(
      'changed-deals',
      `What changed since ${shown(changesSince, 'day')}`,
      [
        column('day', 'Day', 'day'),
        column('change', 'What', 'text'),
        DEAL_NAME,
        column('owner', 'Owner', 'text'),
        column('amount', `Amount, ${about.currency}`, 'money'),
        column('old_value', 'From', 'text'),
        column('new_value', 'To', 'text'),
        SOURCE,
        column('deal_key', 'Record', 'text'),
      ],
      changed,
    ),
  ];
}

const MORNING_SECTION = {
  id: 'morning',
  title: 'This morning',
  body: morning,
  lead: 'As of this run, whatever the period.',
  definitions: () => [
    definition(
      terms(
        'mart_deal_outlook',
        ['p_won', 'Odds of being won'],
        ['days_in_stage', 'Days in stage'],
        ['reasons', 'What to look at'],
        ['compared_deals', 'Compared deals'],
      ),
      'mart_deal_outlook',
    ),
  ],
};
