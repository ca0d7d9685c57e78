// Fiscal quarters: against their targets, against the quarters before, and how what was due in them moved.

const SHOWN_QUARTERS = 6;
const QUARTER_MOVES = [
  ['created', 1],
  ['reopened', 1],
  ['pulled_in', 1],
  ['increased', 1],
  ['decreased', -1],
  ['pushed_out', -1],
  ['won', -1],
  ['lost', -1],
  ['deleted', -1],
  ['merged', 1],
];
const QUARTER_STEPS = ['opening', ...QUARTER_MOVES.map(([name]) => name), 'closing'];

/** The movements of a quarter's due deals as steps; nothing that did not happen takes room. */
function quarterSteps(rows, what, isRunning) {
  const sum = (name) => cents(sumOf(rows.map((row) => row[`${name}_${what}`])) ?? 0);
  const between = QUARTER_MOVES.filter(([name]) => what === 'amount' || !['increased', 'decreased'].includes(name))
    .map(([name, sign]) => ({ name: name.replace('_', ' '), change: sign * sum(name) }))
    .filter((step) => step.change);
  return [
    { name: 'opening', level: sum('opening') },
    ...between,
    { name: isRunning ? 'now' : 'closing', level: sum('closing'), opens: isRunning },
  ];
}

function hasMoved(start) {
  const rows = tables.quarter_movements.filter((row) => row.quarter_start === start && inPlace(row));
  return rows.some((row) => QUARTER_MOVES.some(([name]) => row[`${name}_deals`]));
}

/** The quarter whose movement is shown: the chosen one, else the running one, else, while nothing moved, that before. */
function shownQuarter() {
  if (choice.quarter) return choice.quarter;
  return hasMoved(thisQuarter) ? thisQuarter : (quarterStarts.at(-2) ?? thisQuarter);
}

function quarter() {
  const [name, value] = grain();
  const rows = tables.quarters
    .filter((row) => row.grain === name && row.grain_value === value)
    .sort((a, b) => (a.quarter_start < b.quarter_start ? -1 : 1))
    .map((row) => ({ ...row, name: quarterName(row) }));
  if (!rows.length) return [nothing()];
  const { open, known } = oddsKnown();
  const blind = open > 0 && known === 0;
  const listed = rows.map((row) => {
    const over = row.is_complete_quarter;
    const none = over || blind ? { outlook_amount: null, outlook_low: null, outlook_high: null } : {};
    return { ...row, ...none };
  });
  const now = rows.at(-1);
  const aimed = rows.some((row) => row.target !== null);
  return [
    notes(
      blind ? 'How the running quarter will end is not known yet: no deal like the open ones was followed so far.' : '',
      choice.owner || choice.pipeline || !aimed ? '' : 'The targets here are those of the pipelines that have one, added up.',
    ),
    quartersChart(
      `Won by fiscal quarter against its target, ${placeName()}`,
      listed.slice(-SHOWN_QUARTERS).map((row) => ({
        name: row.name,
        won: row.won_amount,
        target: row.target,
        outlook: row.outlook_amount,
        low: row.outlook_low,
        high: row.outlook_high,
      })),
    ),
    make(
      'p',
      { class: 'legend muted' },
      make('span', { class: 'key' }),
      ' won  ',
      ...(blind
        ? []
        : [make('span', { class: 'key expected' }), ' expected besides, with where four in five should fall  ']),
      ...(aimed ? [make('span', { class: 'key target' }), ' target'] : []),
    ),
    table(
      'quarters',
      `Fiscal quarters, ${about.currency}, ${placeName()}`,
      [
        column('name', 'Quarter', 'quarter'),
        column('target', 'Target', 'money'),
        column('won_amount', 'Won', 'money'),
        column('won_deals', 'Deals won', 'count'),
        column('gap', 'Gap', 'money'),
        column('open_due_amount', 'Open and due in it', 'money'),
        column('coverage', 'Coverage of the gap', 'ratio'),
        column('outlook_amount', 'Expected in all', 'money'),
        column('outlook_low', 'Low', 'money'),
        column('outlook_high', 'High', 'money'),
        column('needed_amount', 'Pipeline needed', 'money'),
      ],
      [...listed].reverse(),
      true,
    ),
    ...pacing(now),
    ...quarterMovement(),
    ...whoseQuarter(),
  ];
}

/** The running quarter beside the same day of those before; quarters before the data begins are left out. */
function pacing(now) {
  const { day } = dayOf(now.quarter_start, 3);
  const past = quarterStarts.slice(-5, -1).reverse();
  const rows = [
    { name: `${now.name}, now`, won_amount: now.won_amount, open_due_amount: now.open_due_amount, tone: 'plain' },
    ...past.map((start, place) => {
      const of = tables.quarters.find((row) => row.quarter_start === start);
      return {
        name: quarterName(of),
        won_amount: now[`won_amount_q${place + 1}`],
        open_due_amount: now[`open_due_amount_q${place + 1}`],
        tone: 'faint',
      };
    }),
  ];
  const chartOf = (key, title) =>
    make(
      'div',
      {},
      make('h4', {}, title),
      !rows.some((row) => row[key])
        ? make('p', { class: 'note' }, `Nothing by day ${day} of any of these quarters.`)
        : bars(
            `${title} at day ${day} of each quarter`,
            rows.map((row) => ({
              name: row.name,
              value: row[key] ?? 0,
              text: row[key] === null ? 'not known' : short(row[key]),
              tip: told(row[key], 'money'),
              tone: row.tone,
            })),
            { title: about.currency, kind: 'money' },
          ),
    );
  return [
    make('h3', {}, `Pace: day ${day} of this quarter and of those before`),
    past.length
      ? make(
          'div',
          { class: 'pair' },
          chartOf('won_amount', 'Won by that day'),
          chartOf('open_due_amount', 'Open then, and due in the quarter'),
        )
      : tooLittle('there is no quarter before this one to compare with.'),
    table(
      'pacing',
      `Day ${day} of the running quarter and of those before, ${about.currency}`,
      [
        column('name', 'Quarter', 'quarter'),
        column('won_amount', 'Won by that day', 'money'),
        column('open_due_amount', 'Open and due then', 'money'),
      ],
      rows,
    ),
  ];
}

function quarterMovement() {
  const start = shownQuarter();
  const all = tables.quarter_movements.filter(inPlace);
  const rows = all.filter((row) => row.quarter_start === start && row.has_expected_close);
  const shownOne = tables.quarters.find((row) => row.quarter_start === start);
  const isRunning = start === thisQuarter;
  const end = dayOf(start, 3).end;
  const opens = (datum) =>
    openDeals(
      `Due in ${quarterName(shownOne)}`,
      (deal) => deal.expected_close_on !== null && deal.expected_close_on >= start && deal.expected_close_on < end,
      sumOf(rows.map((row) => row.closing_deals)),
    );
  const select = make(
    'select',
    {
      id: 'quarter-shown',
      onchange: (event) => {
        choice.quarter = event.target.value;
        update();
      },
    },
    ...[...quarterStarts].reverse().map((one) =>
      make(
        'option',
        { value: one, selected: one === start ? '' : null },
        quarterName(tables.quarters.find((row) => row.quarter_start === one)),
      ),
    ),
  );
  const columns = (what, said) =>
    QUARTER_STEPS.map((name) =>
      column(
        `${name}_${what}`,
        `${label(name)}${said}`,
        what === 'amount' ? 'money' : 'count',
      ),
    );
  const keys = QUARTER_STEPS.flatMap((name) => [`${name}_deals`, `${name}_amount`]);
  return [
    make('h3', {}, 'What was due in a quarter, and what became of it'),
    make('label', { class: 'inline' }, 'Quarter ', select),
    notes(
      notByOwner(),
      !choice.quarter && start !== thisQuarter ? 'In the running quarter nothing has moved yet: this is the one before.' : '',
      isRunning && rows.length ? 'The last bar opens the deals that are due in it.' : '',
    ),
    ...(rows.length
      ? [
          make('h4', {}, `Amount, ${about.currency}`),
          waterfall(
            `Amount due in ${quarterName(shownOne)}, from its opening to its end`,
            quarterSteps(rows, 'amount', isRunning),
            'money',
            opens,
          ),
          make('h4', {}, 'Deals'),
          waterfall(
            `Deals due in ${quarterName(shownOne)}, from its opening to its end`,
            quarterSteps(rows, 'deals', isRunning),
            'count',
            opens,
          ),
        ]
      : [tooLittle('no open deal was ever expected to close in this quarter.')]),
    table(
      'quarter-movements',
      'Movement by fiscal quarter of the deals due in it, and of those without an expected close',
      [
        column('name', 'Quarter', 'quarter'),
        column('has_expected_close', 'Due in it', 'yes'),
        ...columns('amount', `, ${about.currency}`),
        ...columns('deals', ', deals'),
      ],
      grouped(all, ['quarter_start', 'fiscal_year', 'fiscal_quarter', 'has_expected_close'], keys)
        .map((row) => ({ ...row, name: quarterName(row) }))
        .sort((a, b) => (a.quarter_start < b.quarter_start ? 1 : -1) || b.has_expected_close - a.has_expected_close),
    ),
  ];
}

/** Owners, and where everything is shown teams, of the running quarter: who is short of what is wanted. */
function whoseQuarter() {
  if (choice.pipeline) return [];
  const ofQuarter = tables.quarters.filter((row) => row.quarter_start === thisQuarter);
  const owners = ofQuarter
    .filter((row) => row.grain === 'owner' && (choice.owner ? row.grain_value === grain()[1] : ownsHere(row.grain_value)))
    .map((row) => ({ ...row, name: row.grain_value === null ? UNASSIGNED : ownerOf.get(row.grain_value).owner_name }));
  const teams = ofQuarter
    .filter((row) => row.grain === 'team' && !choice.owner && !choice.source)
    .map((row) => ({ ...row, name: row.grain_value ?? '(no team)' }));
  const columns = [
    column('target', 'Target', 'money'),
    column('won_amount', 'Won', 'money'),
    column('open_due_amount', 'Open and due in it', 'money'),
    column('outlook_amount', 'Expected in all', 'money'),
    column('gap', 'Gap', 'money'),
    column('needed_amount', 'Pipeline needed', 'money'),
  ];
  const sorted = (rows) => rows.sort((a, b) => b.outlook_amount - a.outlook_amount);
  return [
    teams.some((row) => row.grain_value !== null)
      ? table('quarter-teams', 'The running quarter by team', [column('name', 'Team', 'text'), ...columns], sorted(teams))
      : null,
    owners.length
      ? table(
          'quarter-owners',
          'The running quarter by owner',
          [column('name', 'Owner', 'text'), ...columns],
          sorted(owners),
        )
      : null,
  ];
}

function ownsHere(key) {
  return key === null ? !choice.source : ownerOf.has(key) && (!choice.source || ownerOf.get(key).source === choice.source);
}

const QUARTER_SECTION = {
  id: 'quarter',
  title: 'Quarter',
  body: quarter,
  lead: 'Fiscal quarters against their targets, and how what was due in them moved.',
  definitions: () => [
    definition(
      terms(
        'mart_quarter_outlook',
        ['target', 'Target'],
        ['won_amount', 'Won'],
        ['gap', 'Gap'],
        ['open_due_amount', 'Open and due in it'],
        ['coverage', 'Coverage'],
        ['outlook_amount', 'Expected in all'],
        ['outlook_low', 'Low'],
        ['outlook_high', 'High'],
        ['needed_amount', 'Pipeline needed'],
      ),
      'mart_quarter_outlook',
    ),
    definition(
      terms('mart_quarter_movements', ...QUARTER_STEPS.map((name) => [`${name}_deals`, label(name)])),
      'mart_quarter_movements',
    ),
  ],
};
