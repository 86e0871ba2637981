import fastify from 'fastify'
import { greeting } from 'greeting'

const app = fastify()
app.get('/', () => greeting('node-pnpm-workspace'))
app.get('/health', () => greeting('node-pnpm-workspace'))
await app.listen({ port: Number(process.env.PORT ?? 3000), host: '::' })
process.on('SIGTERM', () => app.close())
