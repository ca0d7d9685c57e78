// Numbers and dates as people read them, one way throughout.

const number = (digits) => new Intl.NumberFormat('en', { maximumFractionDigits: digits, signDisplay: 'negative' });
const whole = number(0);
const tenth = number(1);
const compact = new Intl.NumberFormat('en', {
  notation: 'compact',
  maximumSignificantDigits: 3,
  signDisplay: 'negative',
});
const monthName = new Intl.DateTimeFormat('en', { month: 'short', year: 'numeric', timeZone: 'UTC' });
const dayName = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

const FORMATS = {
  text: (value) => String(value),
  month: (value) => monthName.format(utc(value)),
  day: (value) => dayName.format(utc(value)),
  moment: (value) => `${value} UTC`,
  count: (value) => whole.format(value),
  money: (value) => whole.format(value),
  money_per_day: (value) => whole.format(value),
  rate: (value) => `${tenth.format(value * 100)} %`,
  ratio: (value) => number(2).format(value),
  decimal: (value) => tenth.format(value),
  days: (value) => tenth.format(value),
  hours: (value) => tenth.format(value),
  quarter: (value) => String(value),
  yes: (value) => (value ? 'yes' : 'no'),
};

/** Kinds of values that stand right and sort as numbers. */
const NUMERIC = new Set(['count', 'money', 'money_per_day', 'rate', 'ratio', 'decimal', 'days', 'hours']);

function shown(value, kind) {
  return value === null || value === undefined ? '–' : FORMATS[kind](value);
}

/** A figure with its unit, for where no heading says it. */
function withUnit(value, kind) {
  if (value === null || value === undefined) return '–';
  if (kind === 'money') return `${about.currency}\u00a0${Math.abs(value) >= 10000 ? short(value) : whole.format(value)}`;
  if (kind === 'money_per_day') return `${withUnit(value, 'money')}/day`;
  if (kind === 'days') return `${tenth.format(value)} days`;
  if (kind === 'hours') return `${tenth.format(value)} h`;
  return shown(value, kind);
}

/** As withUnit, in sentences and tiles: what nobody knows is said, and is never 0. */
function told(value, kind) {
  return value === null || value === undefined ? 'not known' : withUnit(value, kind);
}

/** A name of the tables as people write it: `stale_deal` is “Stale deal”. */
function label(name) {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `1 deal`, `2 deals`. */
function counted(count, one, more = `${one}s`) {
  return `${whole.format(count)} ${count === 1 ? one : more}`;
}

/** A large number in three digits. */
function short(value) {
  return compact.format(value).replace('K', 'k').replace('-', '−');
}

function utc(text) {
  return new Date(`${text.slice(0, 10)}T00:00:00Z`);
}
