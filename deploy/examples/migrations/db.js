// Stands in for a database, so that the example needs none: it remembers which migrations were applied, and its tables.
const http = require('node:http')

const applied = []
const tables = {}

const server = http.createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  if (request.method === 'POST' && request.url === '/apply') {
    const { name, changes } = JSON.parse(body)
    for (const [table, columns] of Object.entries(changes)) tables[table] = [...(tables[table] ?? []), ...columns]
    applied.push(name)
  }
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify(request.url === '/tables' ? tables : applied))
})
server.listen(Number(process.env.PORT ?? 3000))
process.on('SIGTERM', () => server.close(() => process.exit(0)))
