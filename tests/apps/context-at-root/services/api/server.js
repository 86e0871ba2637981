const http = require('http')
const { greeting } = require('../../packages/greeting')

const server = http.createServer((request, response) => response.end(greeting('context-at-root')))
server.listen(process.env.PORT || 3000)
process.on('SIGTERM', () => server.close())
