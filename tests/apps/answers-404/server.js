const http = require('http')

const server = http.createServer((request, response) => {
  response.statusCode = 404
  response.end('answers-404\n')
})
server.listen(process.env.PORT || 3000, () => console.log('answers-404 is listening'))
process.on('SIGTERM', () => server.close())
