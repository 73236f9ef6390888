// Requests to the server. Every URL is relative, as Home Assistant puts a path before it.
import { sentence } from "./texts.js";

let pageToken = "";

export class ServerError extends Error {
  constructor(code, message) {
    super(sentence(code, message));
    this.code = code;
  }
}

export async function request(method, path, { json, body, signal } = {}) {
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-Page-Token"] = pageToken;
  let response;
  try {
    response = await fetch(path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("unreachable", String(error));
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new ServerError(said.error?.code ?? "failed", said.error?.message ?? `${response.status} ${response.statusText}`);
}

export async function ask(method, path, options) {
  const response = await request(method, path, options);
  return response.headers.get("Content-Type")?.startsWith("application/json") ? response.json() : null;
}

export async function status() {
  const now = await ask("GET", "api/status");
  pageToken = now.token;
  return now;
}
