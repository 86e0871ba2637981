const http = require('node:http')

const server = http.createServer(async (request, response) => {
  if (request.url === '/health') return response.end('well\n')
  const tables = await (await fetch(`${process.env.DATABASE_URL}/tables`)).json()
  response.end(`people have ${tables.people.join(', ')}\n`)
})
server.listen(Number(process.env.PORT ?? 3000), () => console.log('listening'))
process.on('SIGTERM', () => server.close(() => process.exit(0)))
