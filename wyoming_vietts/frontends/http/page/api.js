// Requests to the server. Every URL is relative, as Home Assistant puts a path before it.
import { sentence } from "./texts.js";

let pageToken = "";

export class ServerError extends Error {
  constructor(code, message) {
    super(sentence(code, message));
    this.code = code;
    this.said = message;
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
  throw refusal(response.status, await response.text());
}

function refusal(status, body) {
  try {
    const { code, message } = JSON.parse(body).error;
    return new ServerError(code, message);
  } catch {
    return new ServerError("failed", `${status}`);
  }
}

export async function ask(method, path, options) {
  const response = await request(method, path, options);
  return response.headers.get("Content-Type")?.startsWith("application/json") ? response.json() : null;
}

// Sends a file, and tells how many bytes have gone, which fetch cannot.
export function upload(path, body, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    sending.setRequestHeader("X-Page-Token", pageToken);
    sending.upload.onprogress = ({ loaded }) => onProgress(loaded);
    sending.onload = () => (sending.status < 300 ? resolve(JSON.parse(sending.responseText)) : reject(refusal(sending.status, sending.responseText)));
    sending.onerror = () => reject(new ServerError("unreachable", "The connection broke off"));
    sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(body);
  });
}

export async function status() {
  const now = await ask("GET", "api/status");
  pageToken = now.token;
  return now;
}
