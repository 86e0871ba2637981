import http from 'node:http'
import type { Answer, Route } from '@backend/types'

// Serves the routes ("GET /jobs") and GET /health on $PORT, until SIGTERM.
export function serve(name: string, routes: Record<string, Route>): void {
  const all: Record<string, Route> = {
    'GET /health': () => ({ status: 200, body: { service: name, status: 'ok' } }),
    ...routes,
  }
  const server = http.createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const route = all[`${request.method} ${new URL(request.url ?? '/', 'http://localhost').pathname}`]
    const answer = await answered(route, body)
    response.writeHead(answer.status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(answer.body) + '\n')
  })
  server.listen(Number(process.env.PORT ?? 3000), () => console.log(`${name} is listening`))
  process.on('SIGTERM', () => server.close(() => process.exit(0)))
}

async function answered(route: Route | undefined, body: string): Promise<Answer> {
  if (!route) return { status: 404, body: { error: 'not found' } }
  try {
    return await route(body)
  } catch (error) {
    return { status: 400, body: { error: String(error) } }
  }
}
