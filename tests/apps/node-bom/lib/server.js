const http = require('http')
const ms = require('ms')

const server = http.createServer((request, response) => response.end(`node-bom, up for ${ms(process.uptime() * 1000)}\n`))
server.listen(process.env.PORT || 3000)
process.on('SIGTERM', () => server.close())
