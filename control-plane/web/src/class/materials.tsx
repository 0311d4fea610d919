import { listMaterials } from '../api/client';
import type { Material } from '../api/contract';
import { useI18n } from '../i18n';
import { bytes } from '../i18n/format';
import { Failure } from '../ui/failure';
import { Icon } from '../ui/icons';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';

export function Materials({ id, mayRead }: { id: string; mayRead: boolean }) {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(() => (mayRead ? listMaterials(id) : Promise.resolve([])), [id, mayRead]);
  if (!mayRead) return <p className="soft">{t('class.materials.enrol')}</p>;
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (!value) return <Skeleton shape="rows" count={2} />;
  if (value.length === 0) return <p className="soft">{t('class.materials.none')}</p>;
  return (
    <ul className="lines">
      {value.map((material) => (
        <li key={material.id}>
          <MaterialLink material={material} />
        </li>
      ))}
    </ul>
  );
}

/** Only ways that cannot run a script here: what an instructor typed is not trusted. */
export const isSafeUrl = (url: string): boolean => /^(https?:\/\/|\/(?!\/))/i.test(url);

export function MaterialLink({ material }: { material: Material }) {
  const size = material.bytes ? bytes(material.bytes) : '';
  const words = (
    <>
      <Icon name={material.bytes ? 'file' : 'link'} size={18} />
      <span>{material.title}</span>
      {size && <span className="soft">{size}</span>}
    </>
  );
  if (!isSafeUrl(material.url)) return <span className="material">{words}</span>;
  return (
    <a className="material" href={material.url} target="_blank" rel="noopener noreferrer" data-testid="material">
      {words}
    </a>
  );
}
