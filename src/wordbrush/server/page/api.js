// The server's API: requests, jobs, uploads. What goes wrong is an Error whose message can be shown.

export async function ask(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) {
    options.body = body;
    options.headers["content-type"] = body.type;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (problem) {
    if (problem instanceof TypeError) throw new Error("The server does not answer. Is wordbrush still running?");
    throw problem;
  }
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

const [SOON, LATE] = [25, 800]; // milliseconds

export const fileOf = (id) => `/api/pictures/${id}/file`;

// Follow a job; `changed` is called with it each time, and the promise gives it once it is over. A job that is kept
// outlives its server: `away` is called while there is none. A job that waits is asked about now and then: a browser
// holds six connections open at most, all windows together, and nothing else would be answered.
export function follow(job, changed, away) {
  return new Promise((resolve, reject) => {
    let pause = SOON;
    listen();

    function listen() {
      const events = new EventSource(`/api/jobs/${job.id}/events`);
      events.onmessage = (event) => {
        const now = JSON.parse(event.data);
        changed(now);
        if (now.state === "running") return;
        events.close();
        if (now.state === "failed") reject(new Error(now.error));
        else if (now.state !== "waiting") resolve(now);
        else {
          setTimeout(listen, pause);
          pause = Math.min(2 * pause, LATE);
        }
      };
      events.onerror = () => {
        const lost = events.readyState === EventSource.CLOSED; // it answered, and knows no such job
        if (job.kept && !lost) return away(); // the browser asks again by itself
        events.close();
        reject(new Error(lost ? "The server does not know this picture any more. Make it again." : "The server does not answer. Is wordbrush still running?"));
      };
    }
  });
}
