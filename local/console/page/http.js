// @ts-check

/**
 * @param {string} path below /api
 * @returns {Promise<any>} what the API answered, as docs/http-api.md describes it
 */
export async function get(path) {
  return answer(await fetch(`/api${path}`));
}

/**
 * @param {string} path below /api
 * @returns {Promise<any>}
 */
export async function post(path) {
  return answer(await fetch(`/api${path}`, { method: "POST", headers: { "x-mailweir": "1" } }));
}

/**
 * @param {string} path below /api
 * @returns {Promise<any>}
 */
export async function put(path) {
  return answer(await fetch(`/api${path}`, { method: "PUT", headers: { "x-mailweir": "1" } }));
}

/** @param {Response} response */
async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? response.statusText);
  return body;
}
