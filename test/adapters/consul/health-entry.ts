interface EntrySettings {
  readonly id?: string;
  readonly address?: string;
  readonly nodeAddress?: string;
  readonly port?: unknown;
  readonly meta?: Readonly<Record<string, unknown>> | null;
  readonly tags?: unknown;
  /** Statuses by check id, beside the node's own passing serfHealth. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** An element of a health answer with every key that Consul 1.8.7 puts there. */
export function healthEntry(settings: EntrySettings = {}) {
  const {
    id = 'game-1',
    address = '10.0.0.3',
    nodeAddress = '10.9.9.9',
    port = 5002,
    meta = {},
    tags = ['v1'],
    checks = {},
  } = settings;
  return {
    Node: {
      ID: '40e4a748-2192-161a-0510-9bf59fe950b5',
      Node: 'node-1',
      Address: nodeAddress,
      Datacenter: 'dc1',
      TaggedAddresses: { lan: nodeAddress, lan_ipv4: nodeAddress, wan: nodeAddress, wan_ipv4: nodeAddress },
      Meta: { 'consul-network-segment': '' },
      CreateIndex: 5,
      ModifyIndex: 9,
    },
    Service: {
      ID: id,
      Service: 'game-service',
      Tags: tags,
      Address: address,
      TaggedAddresses: { lan_ipv4: { Address: address, Port: port } },
      Meta: meta,
      Port: port,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: { MeshGateway: {}, Expose: {} },
      Connect: {},
      CreateIndex: 12,
      ModifyIndex: 12,
    },
    Checks: Object.entries({ serfHealth: 'passing', ...checks }).map(([CheckID, Status]) => ({
      Node: 'node-1',
      CheckID,
      Name: `Check ${CheckID}`,
      Status,
      Notes: '',
      Output: 'HTTP GET http://10.0.0.3:5002/health: 200 OK Output: {"ok":true}',
      ServiceID: CheckID === 'serfHealth' ? '' : id,
      ServiceName: CheckID === 'serfHealth' ? '' : 'game-service',
      ServiceTags: ['v1'],
      Type: 'http',
      Definition: {},
      CreateIndex: 12,
      ModifyIndex: 14,
    })),
  };
}
