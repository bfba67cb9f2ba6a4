/** The package's `./client`: a game backend asks the allocator with it, over NATS or over HTTPS. */
export type { AllocatorClient, Answer, CallOptions, ClientOptions, Failure } from './allocator-client.ts';
export type { AssignSettings } from './assign-settings.ts';
export { createHttpClient, type HttpClientOptions } from './http-client.ts';
export { createNatsClient, type NatsClientOptions } from './nats-client.ts';
