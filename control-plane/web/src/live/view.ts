import type { ClassRole, EdgeChoice } from '../api/contract';

/** What the live page shows. The page knows this, and nothing of the SDK behind it. */

/** Something that can be shown in a `<video>`. */
export interface Picture {
  id: string;
  attach(element: HTMLVideoElement): void;
  detach(element: HTMLVideoElement): void;
}

export type Quality = 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';

export interface Person {
  identity: string;
  name: string;
  local: boolean;
  role: ClassRole | null;
  region: string | null;
  edge: string | null;
  /** When the hand went up, ms since the epoch; 0 is down. */
  handAt: number;
  /** Whether the microphone is published and open. */
  micOpen: boolean;
  /** Absent: no camera, or switched off. */
  camera: Picture | null;
  screen: Picture | null;
  /** What the instructor lets them send: camera and microphone, the screen. */
  canSpeak: boolean;
  canShare: boolean;
  speaking: boolean;
  /** Last moment this person was heard, ms; 0 is never. */
  spokeAt: number;
  quality: Quality;
}

export interface ChatMessage {
  id: string;
  identity: string;
  name: string;
  text: string;
  atMs: number;
}

export type EndReason = 'left' | 'duplicate' | 'removed' | 'closed';

export type Phase =
  | { name: 'connecting' }
  | { name: 'connected' }
  /** The SDK is putting the connection to the same edge back. */
  | { name: 'reconnecting' }
  /** The edge is given up; another one is being joined. */
  | { name: 'moving' }
  | { name: 'failed'; error: unknown }
  | { name: 'ended'; reason: EndReason };

export interface Measure {
  quality: Quality;
  /** Round trip to the edge. */
  rttMs: number | null;
  /** Share of incoming packets lost in the last interval, 0 to 1. */
  loss: number | null;
}

export interface LiveView {
  phase: Phase;
  edge: EdgeChoice | null;
  /** The local person first; the page decides about the order. */
  people: readonly Person[];
  chat: readonly ChatMessage[];
  measure: Measure;
  recording: boolean;
  /** The browser wants a click before it plays sound. */
  soundBlocked: boolean;
  canPublish: boolean;
  /** Camera and microphone: an instructor may keep somebody from speaking. */
  canSpeak: boolean;
  /** The screen: students share it when the instructor allows it. */
  canShare: boolean;
  /** Chat. */
  canSend: boolean;
  /** Attributes: the raised hand. */
  canRaiseHand: boolean;
  /** What the last button press failed with, until the next one. */
  deviceError: unknown;
}

/** A data packet of the room. `identity` is empty where the server itself speaks. */
export interface Packet {
  topic: string;
  payload: Uint8Array;
  identity: string;
}

export interface LiveSession {
  subscribe(listener: () => void): () => void;
  /** Data packets as they come, over moves from edge to edge; one may come twice around a move. */
  onPacket(listener: (packet: Packet) => void): () => void;
  /** Sends a packet to the whole room. It may get lost: for what is worthless later. */
  sendPacket(topic: string, payload: Uint8Array): Promise<void>;
  view(): LiveView;
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  setScreen(on: boolean): Promise<void>;
  setHand(up: boolean): Promise<void>;
  startSound(): Promise<void>;
  /** After `failed`: from the start. */
  retry(): Promise<void>;
  leave(): Promise<void>;
}
