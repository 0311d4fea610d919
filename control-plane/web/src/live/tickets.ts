import { join } from '../api/client';
import type { EdgeChoice, JoinRequest, JoinResponse } from '../api/contract';
import { demote, rankEdges } from './edges';
import { roundTrips } from './round-trips';

/** Where to go, from the control plane; the last answer serves while it is away: its token is good for every edge. */
export class Tickets {
  current: JoinResponse | null = null;

  constructor(
    private readonly request: JoinRequest,
    private readonly declared: boolean,
  ) {}

  /**
   * Edges to try, best first. In a move (`lost` is the edge left) every moment counts: the first round takes the edges of
   * before, which were measured, and a new list comes meanwhile.
   */
  async edges(lost: string | null, round: number): Promise<EdgeChoice[]> {
    if (lost !== null && this.current && round === 0) {
      const { edges } = this.current;
      this.refresh();
      return demote(edges, lost);
    }
    try {
      await this.renew();
    } catch (error) {
      if (!this.current || lost === null) throw error;
    }
    return demote(this.current?.edges ?? [], lost);
  }

  others(own: string): EdgeChoice[] {
    return this.current?.edges.filter((edge) => edge.id !== own) ?? [];
  }

  refresh(): void {
    void this.renew().catch(() => undefined);
  }

  /** Asks, and measures. */
  private async renew(): Promise<void> {
    // Round trips say nothing about a position that was chosen by hand.
    const rtts = this.declared ? {} : roundTrips();
    const ticket = await join({ ...this.request, ...(Object.keys(rtts).length > 0 && { rtts }) });
    this.current = { ...ticket, edges: await rankEdges(ticket.edges, this.declared) };
  }
}
