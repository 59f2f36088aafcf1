// A real OpenID Connect provider on 127.0.0.1, with as little as its tests need.
//
// Client `NAME` with the secret `secret-of-NAME` is whoever wants to be one: it gets access tokens
// that are about itself, for whatever `resource` it asks for, signed as the environment variable
// ALGORITHM says. A resource whose address ends in "opaque" gets tokens that are no JWT.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const { ALGORITHM, CERTIFICATE, CLIENTS, KEY, PORT } = process.env;
const KINDS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

const [kind, options] = KINDS[ALGORITHM];
const key = generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' });
const provider = new Provider(`https://127.0.0.1:${PORT}`, {
  clients: CLIENTS.split(',').map((name) => ({
    client_id: name,
    client_secret: `secret-of-${name}`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: ALGORITHM,
  })),
  jwks: { keys: [{ ...key, alg: ALGORITHM, use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (context, resource) => ({
        accessTokenFormat: resource.endsWith('opaque') ? 'opaque' : 'jwt',
        audience: resource,
        jwt: { sign: { alg: ALGORITHM } },
        scope: 'ams',
      }),
    },
  },
});

createServer(
  { cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) },
  provider.callback(),
).listen(Number(PORT), '127.0.0.1');
