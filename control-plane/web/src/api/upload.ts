import { ApiError, csrfWord } from './request';

/** Twenty megabytes at 400 kbit/s take seven minutes. */
const UPLOAD_TIMEOUT_MS = 600_000;

/** Sends a file and says how far it is, 0 to 1: `fetch` cannot. */
export function upload<T>(path: string, file: File, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.timeout = UPLOAD_TIMEOUT_MS;
    request.setRequestHeader('content-type', file.type || 'application/octet-stream');
    if (csrfWord()) request.setRequestHeader('x-csrf-token', csrfWord());
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = request.ontimeout = () => reject(new ApiError('unreachable', path));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status < 300 && body) resolve(body as T);
      else reject(new ApiError(body?.code ?? 'bad_answer', body?.message ?? `${path}: ${request.status}`, request.status));
    };
    request.send(file);
  });
}

function parsed(text: string): { code?: string; message?: string } | null {
  try {
    return JSON.parse(text) as { code?: string; message?: string };
  } catch {
    return null;
  }
}
