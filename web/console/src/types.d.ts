declare module '*.css';
interface TrustedTypePolicy { createHTML(s: string): object }
interface Window { trustedTypes?: { createPolicy(name: string, rules: { createHTML(s: string): string }): TrustedTypePolicy } }
