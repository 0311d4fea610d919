// A small OpenID provider for tests: its own page, where one lets oneself in or refuses, and what a school asks of it.

import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const CLIENT = 'seodang';
const SECRET = 'known to the two of them alone';

const part = (value) => Buffer.from(value).toString('base64url');

/** Starts it; `claims` is what it says of whoever lets themselves in. */
export async function openProvider(claims) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const codes = new Map();
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = {
    issuer,
    client: CLIENT,
    secret: SECRET,
    claims,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(request, response) {
    const url = new URL(request.url, issuer);
    const json = (value, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /.well-known/openid-configuration':
        return json({
          issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys`,
          response_types_supported: ['code'], token_endpoint_auth_methods_supported: ['client_secret_post'],
        });
      case 'GET /favicon.ico':
        return response.writeHead(204).end();
      case 'GET /keys':
        return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }] });
      case 'GET /authorize':
        return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(url.searchParams));
      case 'POST /token':
        return json(...token(new URLSearchParams(await bodyOf(request))));
      default:
        return response.writeHead(404).end();
    }
  }

  /** Where the browser stands when it has been sent here: back with a code, or with a refusal. */
  function page(asked) {
    const sound = asked.get('response_type') === 'code' && asked.get('client_id') === CLIENT && asked.get('code_challenge_method') === 'S256';
    if (!sound || !asked.get('redirect_uri') || !asked.get('state') || !asked.get('nonce')) return 'not asked as a school asks';
    const code = randomUUID();
    codes.set(code, asked);
    const back = (values) => `${asked.get('redirect_uri')}?${new URLSearchParams({ ...values, state: asked.get('state') })}`.replaceAll('&', '&amp;');
    return `<!doctype html><html lang="ko"><title>마을 계정</title><h1>마을 계정</h1>
      <a id="allow" href="${back({ code })}">들어가기</a> <a id="deny" href="${back({ error: 'access_denied' })}">거절</a>`;
  }

  /** A code is taken once, with the verifier of its challenge. */
  function token(given) {
    const asked = codes.get(given.get('code'));
    codes.delete(given.get('code'));
    const challenge = createHash('sha256').update(given.get('code_verifier') ?? '').digest('base64url');
    const sound = asked && given.get('grant_type') === 'authorization_code' && given.get('client_secret') === SECRET
      && asked.get('code_challenge') === challenge && asked.get('redirect_uri') === given.get('redirect_uri');
    if (!sound) return [{ error: 'invalid_grant' }, 400];
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: issuer, aud: CLIENT, iat: now, exp: now + 300, nonce: asked.get('nonce'), ...provider.claims };
    const message = `${part(JSON.stringify({ alg: 'ES256', kid: 'k1', typ: 'JWT' }))}.${part(JSON.stringify(all))}`;
    const signature = sign('sha256', Buffer.from(message), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return [{ access_token: 'unused', token_type: 'Bearer', id_token: `${message}.${part(signature)}` }];
  }
  return provider;
}

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
