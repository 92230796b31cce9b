// Lines over time, by uPlot; the same figures stand below as a table for whoever cannot see them.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, day, decimal, language, number, t } from './i18n';
import { signal, useSignal } from './store';

export interface Line { name: string; values: (number | null)[]; colour: 1 | 2 | 3 | 4 | 5; dash?: boolean; fill?: boolean }

const colours = signal(0);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { colours.value += 1; });
export const coloursChanged = () => { colours.value += 1; };

export function Plot(p: { label: string; at: number[]; lines: Line[]; days?: boolean; height?: number; least?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useSignal(colours);
  const speaks = useSignal(language);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const style = getComputedStyle(document.documentElement);
    const ink = (name: string) => style.getPropertyValue(name).trim();
    const probe = document.createElement('span');
    box.append(probe);
    // light-dark() is resolved by a real property only.
    const resolved = (name: string) => { probe.className = `probe-${name}`; return getComputedStyle(probe).color; };
    const axis = { stroke: resolved('dim'), grid: { stroke: resolved('rule'), width: 1 }, ticks: { show: false }, font: `11px ${ink('--font')}` };
    const plot = new uPlot({
      width: box.clientWidth, height: p.height ?? 190, legend: { show: true, live: true }, cursor: { y: false, points: { size: 6 } },
      scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, p.least ?? 1)] } },
      axes: [
        { ...axis, space: 70, size: 28, values: (_u, at) => at.map(s => (p.days ? day(new Date(s * 1000)) : clock(new Date(s * 1000)))) },
        { ...axis, size: 46, values: (_u, at) => at.map(n => (Number.isInteger(n) ? number(n) : decimal(n))) },
      ],
      series: [
        { label: t('col.at'), value: (_u, s) => (s == null ? '–' : p.days ? day(new Date(s * 1000)) : clock(new Date(s * 1000))) },
        ...p.lines.map(l => {
          const colour = resolved(`line${l.colour}`);
          return { label: l.name, stroke: colour, width: 1.5, dash: l.dash ? [5, 4] : undefined, points: { show: false },
                   fill: l.fill ? colour.replace(/rgb\(([^)]+)\)/, 'rgba($1, 0.10)') : undefined,
                   value: (_u: uPlot, v: number | null) => (v == null ? '–' : Number.isInteger(v) ? number(v) : decimal(v)) };
        }),
      ],
    }, [p.at, ...p.lines.map(l => l.values)] as uPlot.AlignedData, box);
    probe.remove();
    const fit = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: p.height ?? 190 }));
    fit.observe(box);
    return () => { fit.disconnect(); plot.destroy(); };
  }, [p.at, p.lines, theme, speaks]);
  const shown = p.at.map((s, n) => ({ s, n })).filter(({ n }) => p.lines.some(l => !l.dash && l.values[n])).slice(-60);
  return (
    <figure class="plot">
      <div ref={place} role="img" aria-label={p.label} />
      <details><summary>{t('plot.table')}</summary>
        <table aria-label={p.label}>
          <thead><tr><th scope="col">{t('col.at')}</th>{p.lines.map(l => <th scope="col" class="number">{l.name}</th>)}</tr></thead>
          <tbody>{shown.map(({ s, n }) => (
            <tr><td>{p.days ? day(new Date(s * 1000)) : clock(new Date(s * 1000))}</td>
              {p.lines.map(l => <td class="number" data-label={l.name}>{l.values[n] == null ? '–' : Number.isInteger(l.values[n]) ? number(l.values[n]!) : decimal(l.values[n]!)}</td>)}</tr>))}</tbody>
        </table>
      </details>
    </figure>
  );
}
