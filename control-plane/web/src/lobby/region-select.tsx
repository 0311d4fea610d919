import type { Region } from '../api/contract';
import { regionName, useT } from '../i18n';

interface RegionSelectProps {
  regions: readonly Region[];
  value: string;
  onChange: (id: string) => void;
  label: string;
  hint?: string;
  testid: string;
}

/** "Where am I", in development. */
export function RegionSelect({ regions, value, onChange, label, hint, testid }: RegionSelectProps) {
  const t = useT();
  return (
    <div className="field">
      <label htmlFor={testid}>{label}</label>
      <select id={testid} data-testid={testid} value={value} onChange={(event) => onChange(event.target.value)}>
        {regions.map((region) => (
          <option key={region.id} value={region.id}>
            {regionName(t, region.id)}
          </option>
        ))}
      </select>
      {hint && <p className="hint">{hint}</p>}
    </div>
  );
}
