/** Numbers over time as pictures: what `partials/chart.hbs` draws as SVG, with the same numbers as a table. */
import { grouped } from './words.ts';

/** One line or one set of bars; `values` go with the labels of the chart, `undefined` where there is none. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

interface ChartInput {
  readonly id: string;
  readonly title: string;
  /** What the picture says in a sentence, for those who do not see it. */
  readonly summary: string;
  readonly kind: 'lines' | 'bars';
  /** Heading of the column with the labels. */
  readonly over: string;
  readonly labels: readonly { readonly short: string; readonly long: string; readonly href?: string }[];
  readonly series: readonly Series[];
}

/** In units of the view box, which is as wide as a phone, so that its letters are as large as the page's. */
const WIDTH = 360;
const HEIGHT = 190;
const LEFT = 40;
const TOP = 12;
const BOTTOM = 26;
const PLOT = { width: WIDTH - LEFT - 6, height: HEIGHT - TOP - BOTTOM };

/** The chart for its template; `undefined` where there is nothing to show yet. */
export function chartView(input: ChartInput) {
  const { labels, series } = input;
  if (labels.length === 0) return undefined;
  const highest = Math.max(1, ...series.flatMap(({ values }) => values));
  const { top, step } = scaleFor(highest);
  const y = (value: number) => round(TOP + PLOT.height * (1 - value / top));
  const slot = PLOT.width / labels.length;
  const middle = (index: number) => LEFT + slot * (index + 0.5);
  const every = Math.ceil(labels.length / 12);
  return {
    id: input.id,
    title: input.title,
    summary: input.summary,
    over: input.over,
    isLines: input.kind === 'lines',
    width: WIDTH,
    height: HEIGHT,
    left: LEFT,
    right: WIDTH - 6,
    lineLabelY: HEIGHT - 8,
    grid: Array.from({ length: Math.round(top / step) + 1 }, (_, index) => ({
      y: y(index * step),
      textY: y(index * step) + 4,
      label: grouped(index * step),
    })),
    labels: labels.map(({ short }, index) => ({
      x: round(middle(index)),
      text: index % every === 0 ? short : '',
    })),
    series: series.map(({ name, values }, place) => ({
      name,
      place: place + 1,
      last: grouped(values.at(-1) ?? 0),
      points: values.map((value, index) => `${round(middle(index))},${y(value)}`).join(' '),
      dots: values.map((value, index) => ({ x: round(middle(index)), y: y(value) })),
      bars: values.map((value, index) => {
        const width = Math.min(26, (slot * 0.72) / series.length);
        const x = middle(index) - (width * series.length) / 2 + width * place;
        return { x: round(x), y: y(value), width: round(width), height: round(y(0) - y(value)) };
      }),
    })),
    rows: labels
      .map(({ long, href }, index) => ({
        label: long,
        href,
        values: series.map(({ values }) => grouped(values[index] ?? 0)),
      }))
      .toReversed(),
  };
}

export type ChartView = NonNullable<ReturnType<typeof chartView>>;

/** A round number at or above the highest value, and the distance between at most five lines. */
function scaleFor(highest: number): { top: number; step: number } {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? power * 10;
  return { top: Math.ceil(highest / step) * step, step };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
