// Evaluate HL7's own invariants (constraint.expression of the R4 StructureDefinitions and of loaded profiles, datatypes included)
// with NLM's fhirpath.js.  Nothing here states a rule: it only walks the instance along the StructureDefinition.
import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
const fhirpath = require('fhirpath'); const model = require('fhirpath/fhir-context/r4');
const SKIP = new Set(['txt-1', 'txt-2', 'ext-1x']); // htmlChecks() has no body in fhirpath.js
export class Invariants {
  constructor(sds) { this.sd = new Map(); this.idx = new Map(); this.cache = new Map(); this.unevaluated = new Map(); this.evaluated = 0; for (const s of sds) if (s.kind !== 'logical' && s.derivation !== 'constraint') this.sd.set(s.type, s); }
  index(sd) { let m = this.idx.get(sd); if (!m) { m = new Map(); for (const e of sd.snapshot.element) if (!e.id.includes(':')) m.set(e.path, e); m.slices = sd.snapshot.element.filter((e) => /:[^.]+$/.test(e.id)); this.idx.set(sd, m); } return m; }
  run(expr, res) { let f = this.cache.get(expr); if (f === undefined) { try { f = fhirpath.compile(expr, model, { traceFn: () => {} }); } catch (e) { f = null; } this.cache.set(expr, f); } if (!f) throw new Error('compile'); return f(res); }
  sites(res, profileSd) { const out = new Map(); const base = this.sd.get(res.resourceType); if (!base) return out;
    const add = (path, el) => { for (const c of el.constraint ?? []) { if (!c.expression || SKIP.has(c.key)) continue; out.set(path + '\u0000' + c.key, { path, c }); } };
    const cond = (pat) => Object.entries(pat).map(([k, v]) => Array.isArray(v) ? v.map((x) => `${k}.where(${cond(x)}).exists()`).join(' and ') : typeof v === 'object' ? `${k}.where(${cond(v)}).exists()` : `${k} = ${typeof v === 'string' ? `'${v.replace(/'/g, "\\'")}'` : v}`).join(' and ');
    const visit = (node, elPath, sd, fp) => { if (Array.isArray(node)) { for (const n of node) visit(n, elPath, sd, fp); return; } if (!node || typeof node !== 'object') return; const ix = this.index(sd);
      for (const [k, v] of Object.entries(node)) { if (k.startsWith('_') || k === 'resourceType' || v === null) continue; let el = ix.get(`${elPath}.${k}`); let f = `${fp}.${k}`; let type;
        if (!el) { for (const [p, e] of ix) if (p.endsWith('[x]') && p.slice(0, p.lastIndexOf('.')) === elPath) { const stem = p.slice(elPath.length + 1, -3); if (k.startsWith(stem)) { const t = e.type.find((t) => stem + t.code[0].toUpperCase() + t.code.slice(1) === k); if (t) { el = e; type = t.code; f = `${fp}.${stem}.ofType(${t.code})`; break; } } } }
        if (!el) continue; let path = `${elPath}.${k}`;
        if (el.contentReference) { path = el.contentReference.slice(el.contentReference.indexOf('#') + 1); el = ix.get(path) ?? el; }
        type ??= el.type?.[0]?.code; const items = Array.isArray(v) ? v : [v]; if (!items.some((i) => i && typeof i === 'object')) continue; if (type === 'Resource') continue;
        add(f, el); for (const s of ix.slices ?? []) if (s.path === el.path && (s.patternIdentifier || s.patternCodeableConcept || s.patternCoding)) add(`${f}.where(${cond(s.patternIdentifier ?? s.patternCodeableConcept ?? s.patternCoding)})`, { constraint: (s.constraint ?? []).filter((c) => !/^(ele|ext|dom)-/.test(c.key)) });
        if (type === 'BackboneElement' || type === 'Element') visit(v, path, sd, f); else { const dt = this.sd.get(type); if (dt && dt.kind === 'complex-type') { add(f, dt.snapshot.element[0]); visit(v, type, dt, f); } } } };
    for (const sd of [base, profileSd].filter(Boolean)) { add(res.resourceType, sd.snapshot.element[0]); visit(res, res.resourceType, sd, res.resourceType); }
    return out; }
  check(res, profileSd) { const issues = [];
    for (const { path, c } of this.sites(res, profileSd).values()) { let r; try { const x = path === res.resourceType ? c.expression : `${path}.all(${c.expression})`; r = this.run(x, res); this.evaluated++; } catch (e) { this.unevaluated.set(c.key, String(e.message).slice(0, 80)); continue; }
      if (r.length === 1 && r[0] === false) issues.push({ severity: c.severity, path, msg: `${c.key}: ${c.human}` }); }
    return issues; }
}
