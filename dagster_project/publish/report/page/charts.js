// Charts as Vega-Lite specs. Colours are the style sheet's variables, so light, dark and print need no redrawing.

const INK = 'var(--ink)';
const MUTED = 'var(--muted)';
const LINE = 'var(--line)';
const ACCENT = 'var(--accent)';
const SECOND = 'var(--second)';
const GOOD = 'var(--good)';
const BAD = 'var(--bad)';
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

const CONFIG = {
  background: 'transparent',
  font: FONT,
  view: { stroke: null },
  axis: {
    labelColor: MUTED,
    titleColor: MUTED,
    gridColor: LINE,
    domainColor: LINE,
    tickColor: LINE,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelLimit: 150,
    labelPadding: 6,
  },
  axisY: { domain: false, ticks: false, tickCount: 5 },
  axisX: { grid: false },
  legend: {
    labelColor: MUTED,
    titleColor: MUTED,
    orient: 'top',
    title: null,
    labelFontSize: 11,
    labelLimit: 260,
  },
};
const EMBED = {
  actions: false,
  renderer: 'svg',
  ast: true, // expressions are walked, not compiled: the page's policy forbids eval
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
};

const isNarrow = () => window.innerWidth < 640;
const drawn = new Map();

/** A chart; `label` says what it shows to those who do not see it. A wide one scrolls on a narrow screen. What
 * `open` is given is the datum of a mark that was clicked. */
function chart(label, spec, height = 240, isWide = false, open = null) {
  const element = make('div'); // Vega gives it a role of its own
  drawn.set(element, {
    open,
    spec: { width: 'container', height, autosize: { type: 'fit', contains: 'padding' }, config: CONFIG, ...spec },
  });
  return make(
    'div',
    {
      class: ['chart', isWide && 'wide', open && 'opening'].filter(Boolean).join(' '),
      role: 'img',
      'aria-label': `${label}. Its figures are in the table beneath.`,
      tabindex: isWide ? '0' : null,
    },
    element,
  );
}

/** Draws the charts that are on the page, and lets go of those that no longer are. */
async function drawCharts() {
  for (const [element, one] of [...drawn]) {
    if (!element.isConnected) {
      one.view?.finalize();
      drawn.delete(element);
    } else if (!one.started) {
      one.started = true;
      const { view } = await window.vegaEmbed(element, one.spec, EMBED);
      one.view = view;
      if (one.open) view.addEventListener('click', (_, item) => item?.datum?.opens && one.open(item.datum));
    }
  }
}

const monthAxis = { format: '%b %y', labelOverlap: true, title: null, tickCount: { interval: 'month', step: 1 } };
const FORMATS_OF_AXES = {
  money: '~s',
  money_per_day: '~s',
  rate: '.0%',
  count: '~s',
  days: '~s',
  hours: '~s',
  ratio: '~f',
};

/** An axis of figures: 0 without the prefix its neighbours have. */
function figures(kind, more = {}) {
  return {
    title: null,
    format: FORMATS_OF_AXES[kind],
    labelExpr: "datum.value === 0 ? '0' : datum.label",
    tickCount: 5,
    ...(kind === 'count' ? { tickMinStep: 1 } : {}),
    ...more,
  };
}

/** Lines by month: series are {name, key, kind, color}; a month that is not over is hollow. */
function timeline(label, rows, series, height) {
  const values = rows.flatMap((row) =>
    series
      .filter((one) => row[one.key] !== null)
      .map((one) => ({
        date: utc(row.month).getTime(),
        month: shown(row.month, 'month') + (row.is_complete_month ? '' : ', not over'),
        value: row[one.key],
        figure: withUnit(row[one.key], one.kind) + (row[`${one.key}_n`] == null ? '' : ` of ${row[`${one.key}_n`]}`),
        series: one.name,
        over: row.is_complete_month,
        few: row[`${one.key}_n`] != null && row[`${one.key}_n`] < FEW,
      })),
  );
  const x = { field: 'date', type: 'temporal', timeUnit: 'utcyearmonth', axis: monthAxis };
  const y = { field: 'value', type: 'quantitative', axis: figures(series[0].kind) };
  const color = {
    field: 'series',
    type: 'nominal',
    scale: { domain: series.map((one) => one.name), range: series.map((one) => one.color) },
    legend: series.length > 1 ? {} : null,
  };
  return chart(
    label,
    {
      data: { values },
      encoding: {
        x,
        y,
        tooltip: [
          { field: 'month', title: 'Month' },
          { field: 'figure', title: series.length > 1 ? 'Value' : series[0].name },
          ...(series.length > 1 ? [{ field: 'series', title: 'Series' }] : []),
        ],
      },
      layer: [
        { mark: { type: 'line', strokeWidth: 2 }, encoding: { color } },
        { mark: { type: 'point', size: 42, filled: true, opacity: 1 }, encoding: { color } },
        ...[values.filter((value) => value.few)]
          .filter((some) => some.length)
          .map((some) => ({
            data: { values: some },
            mark: { type: 'point', size: 44, filled: true, color: 'var(--faint)', opacity: 1 },
          })),
        ...series
          .map((one) => ({
            data: { values: values.filter((value) => !value.over && value.series === one.name) },
            mark: { type: 'point', size: 42, strokeWidth: 2, filled: false, stroke: one.color, fill: 'var(--card)', opacity: 1 },
          }))
          .filter((layer) => layer.data.values.length),
      ],
    },
    height,
  );
}

/** The share of clean deals by day: rows are {date_day, score, score_by_amount}. */
function scoreChart(days) {
  const series = [
    ['by deals', 'score', ACCENT],
    ['by amount', 'score_by_amount', SECOND],
  ];
  const values = days.flatMap((row) =>
    series
      .filter(([, key]) => row[key] !== null)
      .map(([name, key]) => ({
        date: utc(row.date_day).getTime(),
        day: shown(row.date_day, 'day'),
        value: row[key],
        figure: shown(row[key], 'rate'),
        series: name,
      })),
  );
  const color = {
    field: 'series',
    type: 'nominal',
    scale: { domain: series.map(([name]) => name), range: series.map(([, , tone]) => tone) },
  };
  return chart('Clean share of open deals by published night', {
    data: { values },
    encoding: {
      x: {
        field: 'date',
        type: 'temporal',
        scale: { type: 'utc' },
        axis: { title: null, format: '%d %b', tickCount: Math.min(days.length, 6) },
      },
      y: { field: 'value', type: 'quantitative', scale: { domain: [0, 1] }, axis: { title: null, format: '.0%' } },
      color,
    },
    layer: [
      { mark: { type: 'line', strokeWidth: 2 } },
      {
        mark: { type: 'point', filled: true, size: 40, opacity: 1 },
        encoding: {
          tooltip: [
            { field: 'day', title: 'Night' },
            { field: 'figure', title: 'Clean' },
            { field: 'series', title: ' ' },
          ],
        },
      },
    ],
  });
}

/** Horizontal bars with their figure at the end: rows are {name, value, text, tone, tip}. */
function bars(
  label,
  rows,
  { title = '', kind = 'count', rule = null, limit = 190, room = 1.25, open = null } = {},
) {
  // room for the figure beside the longest bar
  const end = Math.max(...rows.map((row) => row.value), rule ?? 0) * Math.max(room, isNarrow() ? 1.45 : 0) || 1;
  // on a narrow screen `What · of whom` takes two lines
  const twoLines = isNarrow() && rows.some((row) => row.name.includes(' · '));
  const tones = { plain: ACCENT, good: GOOD, bad: BAD, second: SECOND, faint: 'var(--faint)' };
  const y = {
    field: 'name',
    type: 'nominal',
    sort: null,
    axis: {
      title: null,
      labelColor: INK,
      labelLimit: isNarrow() ? Math.min(limit, 125) : limit,
      labelFontSize: isNarrow() ? 11 : 12,
      ...(twoLines ? { labelExpr: "split(datum.label, ' · ')" } : {}),
    },
  };
  return chart(
    label,
    {
      data: { values: rows.map((row, place) => ({ tone: 'plain', place, opens: open !== null, ...row })) },
      encoding: { y },
      layer: [
        {
          mark: { type: 'bar', cornerRadiusEnd: 3, height: { band: 0.72 }, cursor: open ? 'pointer' : 'default' },
          encoding: {
            x: {
              field: 'value',
              type: 'quantitative',
              axis: figures(kind, { title, grid: true }),
              scale: { domainMin: 0, domainMax: end, nice: false },
            },
            color: {
              field: 'tone',
              type: 'nominal',
              scale: { domain: Object.keys(tones), range: Object.values(tones) },
              legend: null,
            },
            tooltip: [
              { field: 'name', title: ' ' },
              { field: 'tip', title: title || 'Value' },
            ],
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 5, fontSize: 11, fill: MUTED },
          encoding: { x: { field: 'value', type: 'quantitative' }, text: { field: 'text' } },
        },
        ...(rule === null
          ? []
          : [
              {
                data: { values: [{ at: rule }] },
                mark: { type: 'rule', color: INK, strokeDash: [3, 3] },
                encoding: { x: { field: 'at', type: 'quantitative' }, y: null },
              },
            ]),
      ],
    },
    rows.length * (twoLines ? 38 : 27) + 40,
    false,
    open && ((datum) => open(rows[datum.place])),
  );
}

/** One point per feed and how old it is: rows are {name, value, feed, wrong, tip}. */
function ages(label, rows) {
  return chart(
    label,
    {
      data: { values: rows },
      mark: { type: 'point', filled: true, size: 55, opacity: 0.9 },
      encoding: {
        y: {
          field: 'name',
          type: 'nominal',
          axis: { title: null, labelColor: INK, labelFontSize: 12, labelLimit: 200, grid: true },
        },
        yOffset: { field: 'feed', type: 'nominal' },
        x: {
          field: 'value',
          type: 'quantitative',
          scale: { domainMin: 0 },
          axis: figures('hours', { title: 'hours old', grid: true }),
        },
        color: {
          field: 'wrong',
          type: 'nominal',
          scale: { domain: ['as it should be', 'something is wrong'], range: [ACCENT, BAD] },
          legend: { columns: 1 },
        },
        tooltip: [
          { field: 'feed', title: 'Feed' },
          { field: 'tip', title: 'Age' },
        ],
      },
    },
    new Set(rows.map((row) => row.name)).size * 54 + 80,
  );
}

/** How a stock came from its opening to its closing: steps are {name, change} or {name, level}. */
function waterfall(label, steps, kind, open = null) {
  let level = 0;
  const values = steps.map((step, place) => {
    const from = step.level === undefined ? level : 0;
    level = step.level === undefined ? level + step.change : step.level;
    const tone = step.level !== undefined ? 'level' : step.name === 'won' ? 'won' : step.change < 0 ? 'out' : 'in';
    const size = step.level === undefined ? step.change : step.level;
    const sign = step.level === undefined && size > 0 ? '+' : '';
    return {
      name: step.name,
      place,
      from,
      to: level,
      tone,
      top: Math.max(from, level),
      opens: Boolean(step.opens),
      text: `${sign}${short(size)}`,
      figure: `${sign}${whole.format(size)}`,
    };
  });
  // side by side where there is room, one below the other where there is not
  const narrow = isNarrow();
  const [along, across] = narrow ? ['y', 'x'] : ['x', 'y'];
  return chart(
    label,
    {
      data: { values },
      encoding: {
        [along]: {
          field: 'name',
          type: 'nominal',
          sort: null,
          axis: { title: null, labelAngle: 0, labelColor: INK, labelLimit: 90, grid: false, domain: false, ticks: false },
        },
      },
      layer: [
        {
          mark: {
            type: 'bar',
            cornerRadius: 3,
            [narrow ? 'height' : 'width']: { band: 0.74 },
            cursor: open ? 'pointer' : 'default',
          },
          encoding: {
            [across]: {
              field: 'from',
              type: 'quantitative',
              axis: figures(kind, { grid: true }),
              ...(narrow ? { scale: { domainMax: Math.max(...values.map((value) => value.top)) * 1.25 || 1 } } : {}),
            },
            [`${across}2`]: { field: 'to' },
            color: {
              field: 'tone',
              type: 'nominal',
              scale: { domain: ['level', 'in', 'out', 'won'], range: ['var(--faint)', ACCENT, BAD, GOOD] },
              legend: null,
            },
            tooltip: [
              { field: 'name', title: ' ' },
              { field: 'figure', title: kind === 'money' ? about.currency : 'deals' },
            ],
          },
        },
        {
          mark: { type: 'text', fontSize: 11, fill: INK, ...(narrow ? { dx: 5, align: 'left' } : { dy: -7 }) },
          encoding: { [across]: { field: 'top', type: 'quantitative' }, text: { field: 'text' } },
        },
      ],
    },
    narrow ? values.length * 26 + 40 : 280,
    false,
    open,
  );
}

/** Won against target by quarter: rows are {name, won, low, high, outlook, target}; the running one has an outlook. */
function quartersChart(label, rows) {
  const values = rows.map((row) => ({
    ...row,
    said: withUnit(row.won, 'money'),
    wanted: row.target === null ? 'none set' : withUnit(row.target, 'money'),
    expected:
      row.outlook === null
        ? '–'
        : `${withUnit(row.outlook, 'money')}, 4 in 5 from ${withUnit(row.low, 'money')} to ${withUnit(row.high, 'money')}`,
  }));
  const tooltip = [
    { field: 'name', title: 'Quarter' },
    { field: 'said', title: 'Won' },
    { field: 'wanted', title: 'Target' },
    { field: 'expected', title: 'Expected in all' },
  ];
  const y = (field) => ({ field, type: 'quantitative', axis: figures('money') });
  const known = (field) => rows.some((row) => row[field] !== null);
  return chart(
    label,
    {
      data: { values },
      encoding: {
        x: {
          field: 'name',
          type: 'nominal',
          sort: rows.map((row) => row.name),
          axis: { title: null, labelAngle: isNarrow() ? -60 : 0 },
        },
        tooltip,
      },
      layer: [
        known('outlook') && {
          transform: [{ filter: 'datum.outlook !== null' }],
          mark: { type: 'bar', color: ACCENT, opacity: 0.3, width: { band: 0.6 }, cornerRadiusEnd: 3 },
          encoding: { y: y('outlook') },
        },
        {
          mark: { type: 'bar', color: ACCENT, width: { band: 0.6 }, cornerRadiusEnd: 3 },
          encoding: { y: y('won') },
        },
        known('outlook') && {
          transform: [{ filter: 'datum.outlook !== null' }],
          mark: { type: 'rule', color: INK, strokeWidth: 1.5 },
          encoding: { y: y('low'), y2: { field: 'high' } },
        },
        known('target') && {
          transform: [{ filter: 'datum.target !== null' }],
          mark: { type: 'tick', color: SECOND, thickness: 3, width: { band: 0.8 }, orient: 'horizontal' },
          encoding: { y: y('target') },
        },
      ].filter(Boolean),
    },
    220,
  );
}

/** From where to where: cells are {from, to, count, figure, off}; the stages in order. */
function matrix(label, cells, fromOrder, toOrder) {
  const narrow = isNarrow();
  return chart(
    label,
    {
      data: { values: cells },
      encoding: {
        x: {
          field: 'to',
          type: 'nominal',
          sort: toOrder,
          axis: {
            title: 'to',
            orient: 'top',
            labelAngle: narrow ? -70 : -35,
            labelColor: INK,
            labelLimit: narrow ? 90 : 130,
          },
        },
        y: {
          field: 'from',
          type: 'nominal',
          sort: fromOrder,
          axis: { title: narrow ? null : 'from', labelColor: INK, labelLimit: narrow ? 75 : 160 },
        },
      },
      layer: [
        {
          mark: { type: 'rect', cornerRadius: 3 },
          encoding: {
            color: {
              field: 'tone',
              type: 'nominal',
              scale: { domain: ['on', 'lost', 'off'], range: [ACCENT, 'var(--faint)', BAD] },
              legend: null,
            },
            opacity: {
              field: 'count',
              type: 'quantitative',
              scale: { type: 'sqrt', range: [0.18, 0.75] },
              legend: null,
            },
            tooltip: [
              { field: 'from', title: 'from' },
              { field: 'to', title: 'to' },
              { field: 'figure', title: 'changes' },
              { field: 'path', title: ' ' },
            ],
          },
        },
        { mark: { type: 'text', fontSize: narrow ? 9 : 11, fill: INK }, encoding: { text: { field: 'figure' } } },
      ],
    },
    fromOrder.length * 30 + 130,
  );
}

/** How long stays last: rows are {stage, ...figures}; measures are {key, name, shape, color}. */
function stays(label, rows, measures) {
  const values = rows.flatMap((row) =>
    measures
      .filter((one) => row[one.key] !== null)
      .map((one) => ({
        stage: row.stage,
        value: row[one.key],
        measure: one.name,
        figure: withUnit(row[one.key], 'days'),
      })),
  );
  const intervals = rows
    .filter((row) => row.days_in_stage_km_median_low !== null && row.days_in_stage_km_median_high !== null)
    .map((row) => ({ stage: row.stage, low: row.days_in_stage_km_median_low, high: row.days_in_stage_km_median_high }));
  const domain = measures.map((one) => one.name);
  return chart(
    label,
    {
      encoding: {
        y: {
          field: 'stage',
          type: 'nominal',
          sort: rows.map((row) => row.stage),
          axis: {
            title: null,
            labelColor: INK,
            labelFontSize: isNarrow() ? 11 : 12,
            labelLimit: isNarrow() ? 125 : 240,
            grid: true,
          },
        },
      },
      layer: [
        intervals.length > 0 && {
          data: { values: intervals },
          mark: { type: 'rule', color: ACCENT, strokeWidth: 6, opacity: 0.25 },
          encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
        },
        {
          data: { values },
          mark: { type: 'point', size: 75, filled: true, opacity: 0.9 },
          encoding: {
            x: {
              field: 'value',
              type: 'quantitative',
              axis: { title: 'days', grid: true, tickCount: 10 },
              scale: { zero: true },
            },
            color: {
              field: 'measure',
              type: 'nominal',
              scale: { domain, range: measures.map((one) => one.color) },
              legend: { columns: isNarrow() ? 1 : 2 },
            },
            shape: { field: 'measure', type: 'nominal', scale: { domain, range: measures.map((one) => one.shape) } },
            tooltip: [
              { field: 'stage', title: 'Stage' },
              { field: 'measure', title: ' ' },
              { field: 'figure', title: 'Time' },
            ],
          },
        },
      ].filter(Boolean),
    },
    rows.length * 32 + (isNarrow() ? 120 : 90),
  );
}

/** What was forecast a month ahead, what came, and what is expected: rows are {month, expected, low, high, actual}. */
function forecastChart(label, rows) {
  const values = rows.map((row) => ({
    ...row,
    date: utc(row.month).getTime(),
    name: shown(row.month, 'month'),
    interval: row.low === null ? '–' : `${withUnit(row.low, 'money')} to ${withUnit(row.high, 'money')}`,
    said: withUnit(row.expected, 'money'),
    came: withUnit(row.actual, 'money'),
  }));
  const x = { field: 'date', type: 'temporal', timeUnit: 'utcyearmonth', axis: monthAxis };
  const tooltip = [
    { field: 'name', title: 'Month' },
    { field: 'said', title: 'Expected' },
    { field: 'interval', title: '4 in 5 between' },
    { field: 'came', title: 'Came' },
  ];
  const part = (test) => [{ filter: test }];
  return chart(
    label,
    {
      data: { values },
      encoding: { x },
      layer: [
        // a layer without a row would make its scale infinite
        ...[
          ['!datum.ahead', 'var(--faint)', (row) => !row.ahead],
          ['datum.ahead', ACCENT, (row) => row.ahead],
        ]
          .filter(([, , is]) => values.some((row) => is(row) && row.low !== null))
          .map(([test, color]) => ({
            transform: part(`${test} && datum.low !== null`),
            mark: { type: 'bar', color, opacity: 0.35, width: { band: 0.7 }, cornerRadius: 2 },
            encoding: {
              y: { field: 'low', type: 'quantitative', axis: figures('money') },
              y2: { field: 'high' },
              tooltip,
            },
          })),
        {
          transform: part('datum.expected !== null'),
          mark: { type: 'tick', color: ACCENT, thickness: 2, width: { band: 0.7 }, orient: 'horizontal' },
          encoding: { y: { field: 'expected', type: 'quantitative', axis: figures('money') }, tooltip },
        },
        {
          transform: part('datum.actual !== null'),
          mark: { type: 'point', filled: true, size: 45, color: INK, opacity: 1 },
          encoding: {
            x: { ...x, bandPosition: 0.5 },
            y: { field: 'actual', type: 'quantitative', axis: figures('money') },
            tooltip,
          },
        },
      ],
    },
    190,
  );
}

/** A line of the last months without axes, beside a figure. */
function sparkline(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const point = (value, place) =>
    `${((place / (values.length - 1)) * 100).toFixed(1)},${(22 - ((value - low) / (high - low || 1)) * 20).toFixed(1)}`;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 100 24');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'spark');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute(
    'points',
    values
      .map((value, place) => (value === null ? null : point(value, place)))
      .filter(Boolean)
      .join(' '),
  );
  svg.append(line);
  return svg;
}
