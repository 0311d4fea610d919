/** Small plots in SVG. Each has its figures as text beside it or in its label: colour and height say nothing alone. */

const WIDTH = 120;
const HEIGHT = 32;

/** A line over the weeks, oldest first. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values);
  const x = (index: number) => 3 + (index * (WIDTH - 6)) / Math.max(1, values.length - 1);
  const y = (value: number) => HEIGHT - 3 - (value / most) * (HEIGHT - 6);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const last = values.length - 1;
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMinYMid meet"
      role="img"
      aria-label={label}
    >
      <polygon className="sparkline-area" points={`3,${HEIGHT - 3} ${points} ${WIDTH - 3},${HEIGHT - 3}`} />
      <polyline className="sparkline-line" points={points} />
      {last >= 0 && <circle className="sparkline-now" cx={x(last)} cy={y(values[last] ?? 0)} r="2.6" />}
    </svg>
  );
}

/** Bars side by side, for instance one a minute. */
export function Columns({ values, label }: { values: readonly { name: string; n: number }[]; label: string }) {
  const most = Math.max(1, ...values.map((value) => value.n));
  const width = Math.max(240, values.length * 8);
  const step = width / Math.max(1, values.length);
  return (
    <svg className="columns" viewBox={`0 0 ${width} 80`} preserveAspectRatio="none" role="img" aria-label={label}>
      {values.map((value, index) => (
        <rect
          key={value.name}
          x={index * step + step * 0.12}
          width={step * 0.76}
          y={80 - (value.n / most) * 76}
          height={(value.n / most) * 76}
        >
          <title>{`${value.name}: ${value.n}`}</title>
        </rect>
      ))}
    </svg>
  );
}

/** A share as a bar with its words before it and its figure behind. */
export function Bar({ name, share, figure, tone }: { name: string; share: number; figure: string; tone?: 'good' | 'plain' }) {
  return (
    <div className="bar" data-tone={tone ?? 'plain'}>
      <span className="bar-name">{name}</span>
      <span className="bar-track" aria-hidden="true">
        <i style={{ transform: `scaleX(${Math.min(1, Math.max(0, share))})` }} />
      </span>
      <span className="bar-figure">{figure}</span>
    </div>
  );
}
