import { serve } from '@backend/common'
import { addJob, countJobs, takeJob } from '@backend/database'

let done = 0
setInterval(() => {
  const job = takeJob()
  if (job) console.log(`job ${job.id} (${job.kind}) is done, the ${++done}.`)
}, 1000)

serve('workers', {
  'GET /': () => ({ status: 200, body: { service: 'workers', waiting: countJobs(), done } }),
  'POST /process': (body) => ({ status: 202, body: addJob('process', JSON.parse(body || 'null')) }),
})
