import type { AttendanceStatus } from '../api/contract';

export const STATUSES: readonly AttendanceStatus[] = ['present', 'late', 'partial', 'absent'];
export const TONES: Record<AttendanceStatus, 'good' | 'warn' | 'bad'> = {
  present: 'good',
  late: 'warn',
  partial: 'warn',
  absent: 'bad',
};

export function countByStatus(items: readonly { status: AttendanceStatus }[]): Record<AttendanceStatus, number> {
  const counts = { present: 0, late: 0, partial: 0, absent: 0 };
  for (const { status } of items) counts[status] += 1;
  return counts;
}
