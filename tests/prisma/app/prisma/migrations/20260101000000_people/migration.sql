CREATE TABLE "Person" ("id" SERIAL NOT NULL, "email" TEXT NOT NULL, CONSTRAINT "Person_pkey" PRIMARY KEY ("id"));
CREATE UNIQUE INDEX "Person_email_key" ON "Person"("email");
